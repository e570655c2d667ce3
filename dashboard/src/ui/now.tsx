import { useSyncExternalStore } from "react";
import { useTranslations } from "use-intl";
import { dayOf, localAndUtc, span } from "../words/format.ts";

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let nowMs = Date.now();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    nowMs = Date.now();
    for (const tell of listeners) tell();
  }, 1_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** The time, once a second, from one clock for the whole page. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => nowMs);
}

/** When a key was last used: "now" within a minute, then a span, then a day. */
export function LastUsed({ at }: { at: string | null }) {
  const t = useTranslations("ui");
  const now = useNow();
  if (at === null) return <span className="muted">{t("never")}</span>;
  const ago = now - Date.parse(at);
  const title = t("lastUsedExact", { at: localAndUtc(at) });
  if (ago < 60_000) {
    return (
      <span className="now" title={title}>
        {t("now")}
      </span>
    );
  }
  return (
    <time dateTime={at} title={title}>
      {ago < 2 * 86_400_000 ? span(ago) : dayOf(at, now)}
    </time>
  );
}

/** A day, exact on hover. */
export function Day({ at }: { at: string }) {
  const now = useNow();
  return (
    <time dateTime={at} title={localAndUtc(at)}>
      {dayOf(at, now)}
    </time>
  );
}

/** When a key expires: a countdown in its last week. */
export function Expiry({ at }: { at: string | null }) {
  const t = useTranslations("ui");
  const now = useNow();
  if (at === null) return <span className="muted">{t("never")}</span>;
  const left = Date.parse(at) - now;
  const soon = left > 0 && left < 7 * 86_400_000;
  return (
    <time dateTime={at} title={localAndUtc(at)} className={soon ? "soon" : left <= 0 ? "muted" : ""}>
      {soon ? t("in", { span: span(left) }) : dayOf(at, now)}
    </time>
  );
}
