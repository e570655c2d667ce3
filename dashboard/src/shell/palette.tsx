/** ⌘K: pages, keys, gateways and actions by what is typed; only what one's role may do. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { KeyRound, LogOut, type LucideIcon, Plus, Search, SunMoon, Waypoints } from "lucide-react";
import { type KeyboardEvent, useState } from "react";
import { useTranslations } from "use-intl";
import { fleetQuery, keyQuery, keysQuery } from "../api/queries.ts";
import { Dialog } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { pages } from "./pages.ts";
import { useMay } from "./session.ts";
import { useSignOut } from "./sign-out.ts";
import { setTheme, useTheme } from "./theme.ts";

interface Entry {
  readonly id: string;
  readonly icon: LucideIcon;
  readonly label: string;
  readonly aside?: string;
  readonly run: () => void;
}

export function Palette({ onClose }: { onClose: () => void }) {
  const t = useTranslations("palette");
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const entries = useEntries(text.trim());
  const chosen = Math.min(at, entries.length - 1);
  const run = (entry: Entry | undefined) => {
    if (entry === undefined) return;
    onClose();
    entry.run();
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt(Math.min(chosen + 1, entries.length - 1));
    else if (event.key === "ArrowUp") setAt(Math.max(chosen - 1, 0));
    else if (event.key === "Enter") run(entries[chosen]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title={t("title")} onClose={onClose} width={560} focus="palette">
      <div className="tree mx-4 mb-4 min-h-0 overflow-y-auto">
        <label className="find">
          <Icon of={Search} small />
          <span className="sr">{t("hint")}</span>
          <input
            id="palette"
            role="combobox"
            aria-expanded="true"
            aria-controls="palette-list"
            aria-activedescendant={
              entries[chosen] === undefined ? undefined : `palette-${entries[chosen].id}`
            }
            autoComplete="off"
            placeholder={t("hint")}
            value={text}
            onChange={(event) => {
              setText(event.target.value);
              setAt(0);
            }}
            onKeyDown={press}
          />
        </label>
        <List entries={entries} chosen={chosen} onPoint={setAt} onRun={run} />
        {entries.length === 0 ? <p className="soft p-3">{t("nothing")}</p> : null}
      </div>
    </Dialog>
  );
}

interface ListProps {
  readonly entries: readonly Entry[];
  readonly chosen: number;
  readonly onPoint: (n: number) => void;
  readonly onRun: (entry: Entry) => void;
}

/** The field keeps the focus and the keyboard; the mouse points and clicks here. */
function List({ entries, chosen, onPoint, onRun }: ListProps) {
  const t = useTranslations("palette");
  return (
    <div id="palette-list" role="listbox" aria-label={t("title")} className="p-1">
      {entries.map((entry, n) => (
        <div
          key={entry.id}
          id={`palette-${entry.id}`}
          role="option"
          tabIndex={-1}
          aria-selected={n === chosen}
          className="menu-item"
          data-highlighted={n === chosen ? "" : undefined}
          onMouseMove={() => onPoint(n)}
          onClick={() => onRun(entry)}
          onKeyDown={(event) => event.key === "Enter" && onRun(entry)}
        >
          <Icon of={entry.icon} small />
          <span className="cut">{entry.label}</span>
          {entry.aside === undefined ? null : <span className="mono soft ml-auto">{entry.aside}</span>}
        </div>
      ))}
    </div>
  );
}

function useEntries(text: string): Entry[] {
  const fits = (label: string) => label.toLowerCase().includes(text.toLowerCase());
  const fixed = [...usePages(), ...useActions()].filter(({ label }) => fits(label));
  const found = useKeys(text);
  const gateways = useGateways().filter(({ label }) => text !== "" && fits(label));
  return [...fixed, ...found, ...gateways];
}

function usePages(): Entry[] {
  const t = useTranslations("shell");
  const navigate = useNavigate();
  return pages.map(({ to, word, icon }) => ({
    id: word,
    icon,
    label: t(word),
    run: () => void navigate({ to }),
  }));
}

function useActions(): Entry[] {
  const t = useTranslations("palette");
  const shell = useTranslations("shell");
  const navigate = useNavigate();
  const theme = useTheme();
  const signOut = useSignOut();
  const may = useMay("member");
  const other = theme === "dark" ? "light" : "dark";
  const create = {
    id: "create",
    icon: Plus,
    label: t("create"),
    run: () => void navigate({ to: "/keys/new" }),
  };
  return [
    ...(may ? [create] : []),
    { id: "theme", icon: SunMoon, label: t("theme", { theme: shell(other) }), run: () => setTheme(other) },
    { id: "sign-out", icon: LogOut, label: shell("signOut"), run: signOut },
  ];
}

const KEYS_MAX = 8;

/** By name or preview; a whole id finds its key too. */
function useKeys(text: string): Entry[] {
  const navigate = useNavigate();
  const filters = {
    search: text,
    status: "",
    owner: "",
    project: "",
    sort: "name",
    after: undefined,
    size: KEYS_MAX,
  };
  const isId = /^key_\w{12}$/.test(text);
  const { data: listed } = useQuery({
    ...keysQuery(filters),
    enabled: text.length > 1 && !isId,
    placeholderData: keepPreviousData,
    refetchInterval: false,
  });
  const { data: exact } = useQuery({
    ...keyQuery(text),
    enabled: isId,
    refetchInterval: false,
    retry: false,
  });
  const keys = isId ? (exact === undefined ? [] : [exact.data]) : text.length > 1 ? (listed?.data ?? []) : [];
  return keys.map(({ id, attributes }) => ({
    id,
    icon: KeyRound,
    label: attributes.name,
    aside: attributes.preview,
    run: () => void navigate({ to: "/keys/$keyId", params: { keyId: id } }),
  }));
}

function useGateways(): Entry[] {
  const navigate = useNavigate();
  const { data: fleet = [] } = useQuery(fleetQuery);
  return fleet.map(({ id, attributes }) => ({
    id,
    icon: Waypoints,
    label: attributes.name,
    aside: attributes.region,
    run: () => void navigate({ to: "/gateways" }),
  }));
}
