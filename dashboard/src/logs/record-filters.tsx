import { Pause, Play, RefreshCw, Search } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { useTranslations } from "use-intl";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";

/** A tail that goes on: whether it is asked for, and whether what it brings waits. */
export interface Tail {
  readonly live: boolean;
  readonly paused: boolean;
  readonly onLive: (live: boolean) => void;
  readonly onPaused: (paused: boolean) => void;
}

export interface RecordFiltersProps {
  readonly children: ReactNode;
  readonly tail: Tail;
  readonly onRefresh: () => void;
}

export function RecordFilters({ children, tail, onRefresh }: RecordFiltersProps) {
  const { live, paused, onLive, onPaused } = tail;
  const t = useTranslations("records");
  return (
    <search className="filters">
      {children}
      <span className="grow not-narrow" />
      <label className="flex items-center gap-2">
        <input
          type="checkbox"
          className="switch"
          checked={live}
          onChange={(event) => onLive(event.target.checked)}
        />
        {t("liveOn")}
      </label>
      {live ? (
        <Button kind="plain" icon={paused ? Play : Pause} onClick={() => onPaused(!paused)}>
          {t(paused ? "resume" : "pause")}
        </Button>
      ) : (
        <Button kind="plain" icon={RefreshCw} onClick={onRefresh}>
          {t("refresh")}
        </Button>
      )}
    </search>
  );
}

const TYPING_MS = 250;

export interface TextFilterProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** A filter by what is typed, asked after a breath. */
export function TextFilter({ label, value, onChange }: TextFilterProps) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => onChange(text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text, value, onChange]);
  return (
    <label className="field narrow-half sm:w-44!">
      <Icon of={Search} small />
      <span className="sr">{label}</span>
      <input
        type="search"
        value={text}
        placeholder={label}
        onChange={(event) => setText(event.target.value)}
      />
    </label>
  );
}
