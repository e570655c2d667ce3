import { CircleAlert, CircleCheck, CircleDashed } from "lucide-react";
import { useTranslations } from "use-intl";
import { Icon } from "../ui/icon.tsx";
import type { LogEntry } from "./records.ts";
import { type Step, stepsOf } from "./steps.ts";

const icons = { passed: CircleCheck, failed: CircleAlert, skipped: CircleDashed } as const;

/** What happened to a request, one station below the other, each bar beginning where the one before it ended. */
export function Waterfall({ row }: { row: LogEntry["attributes"] }) {
  const t = useTranslations("records");
  const steps = stepsOf(row);
  const all = steps.reduce((sum, { ms = 0 }) => sum + ms, 0);
  let beganMs = 0;
  return (
    <section className="waterfall" aria-label={t("waterfall")}>
      <h3>{t("waterfall")}</h3>
      <ol>
        {steps.map((step, n) => {
          const from = beganMs;
          beganMs += step.ms ?? 0;
          // biome-ignore lint/suspicious/noArrayIndexKey: stations are in their order for ever
          return <Station key={n} step={step} from={all === 0 ? 0 : from / all} all={all} code={row.code} />;
        })}
      </ol>
      <p className="soft">{t("waterfallNote")}</p>
    </section>
  );
}

interface StationProps {
  readonly step: Step;
  /** Where its bar begins, from 0 to 1. */
  readonly from: number;
  readonly all: number;
  readonly code: string | null;
}

function Station({ step: { name, outcome, ms, attempt }, from, all, code }: StationProps) {
  const t = useTranslations("records");
  const word = attempt === undefined ? t(`steps.${name}`) : t("steps.attemptN", { n: attempt.n });
  const said =
    attempt !== undefined
      ? t("steps.answered", { at: attempt.at, status: String(attempt.status), code: attempt.code ?? "OK" })
      : outcome === "failed"
        ? (code ?? "")
        : outcome === "skipped"
          ? t("steps.skipped")
          : "";
  const share = all === 0 ? 0 : (ms ?? 0) / all;
  return (
    <li className={outcome}>
      <span className={`st ${outcome === "passed" ? "healthy" : outcome === "failed" ? "down" : "never"}`}>
        <Icon of={icons[outcome]} small />
        <span className="sr">{t(`steps.${outcome}Word`)}</span>
        {word}
      </span>
      {ms === undefined ? (
        <span className="untimed" />
      ) : (
        <span className="bar" aria-hidden="true">
          <i style={{ left: `${from * 100}%`, width: `${Math.max(0.8, share * 100)}%` }} />
        </span>
      )}
      <span className="num ms">{ms === undefined ? "" : t("ms", { ms: Math.round(ms * 10) / 10 })}</span>
      {said === "" ? null : (
        <span className={`said cut${outcome === "skipped" ? "" : " mono"}`} title={said}>
          {said}
        </span>
      )}
    </li>
  );
}
