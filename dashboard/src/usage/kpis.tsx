import type { UsageFigures } from "@claviger/shared/api/usage";
import type { ReactNode } from "react";
import { useTranslations } from "use-intl";
import {
  attemptsOf,
  cachedShare,
  changeOf,
  duration,
  exactly,
  figureOf,
  isUnpriced,
  shareOf,
  shown,
  tokensOf,
} from "./figures.ts";
import type { Metric, RangeName } from "./search.ts";

export interface KpisProps {
  readonly now: UsageFigures;
  /** Of the time before; absent when it is not known or had nothing. */
  readonly before: UsageFigures | undefined;
  readonly range: RangeName;
}

/** The figures of the whole range, against those of the time before it. */
export function Kpis({ now, before, range }: KpisProps) {
  const t = useTranslations("usage");
  const change = (metric: Metric) =>
    changeOf(figureOf(now, metric), before === undefined ? undefined : figureOf(before, metric));
  const onBefore = t("onBefore", { span: t(`spans.${range}`) });
  const { requests, errors, refused, unpricedRequests } = now;
  const cached = cachedShare(now);
  const cost = isUnpriced(now) ? t("unpriced") : shown(figureOf(now, "spentUsd"), "spentUsd");
  return (
    <dl className="panel kpis">
      <Kpi name={t("cost")} title={exactly(figureOf(now, "spentUsd"), "spentUsd")} value={cost}>
        {unpricedRequests > 0 ? (
          <b className="soon">{t("unpricedCount", { count: unpricedRequests })}</b>
        ) : (
          <Change text={change("spentUsd")} rest={onBefore} />
        )}
      </Kpi>
      <Kpi name={t("requests")} title={exactly(requests, "requests")} value={shown(requests, "requests")}>
        {now.retries > 0 ? (
          t("retries", { count: now.retries })
        ) : (
          <Change text={change("requests")} rest="" title={onBefore} />
        )}
      </Kpi>
      <Kpi name={t("tokens")} title={exactly(tokensOf(now), "tokens")} value={shown(tokensOf(now), "tokens")}>
        {cached === null ? null : t("fromCache", { share: cached })}
      </Kpi>
      <Kpi
        name={t("errors")}
        title={exactly(errors, "errors")}
        value={shareOf(errors, attemptsOf(now)) ?? "–"}
      >
        {t("refusedCount", { count: refused })}
      </Kpi>
      <Kpi name={t("latency")} value={<Pair one={now.latencyP50Ms} other={now.latencyP95Ms} />}>
        {t("wholeAnswer")}
      </Kpi>
      <Kpi name={t("firstToken")} value={<Pair one={now.firstByteP50Ms} other={now.firstByteP95Ms} />}>
        {t("firstByte")}
      </Kpi>
    </dl>
  );
}

interface KpiProps {
  readonly name: string;
  readonly title?: string;
  readonly value: ReactNode;
  readonly children: ReactNode;
}

function Kpi({ name, title, value, children }: KpiProps) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className="num" title={title}>
        {value}
      </dd>
      <dd className="sub">{children}</dd>
    </div>
  );
}

function Change({ text, rest, title }: { text: string | null; rest: string; title?: string }) {
  return text === null ? null : (
    <span title={title}>
      <b className="num">{text}</b> {rest}
    </span>
  );
}

/** Two durations, the unit once when they share it. */
function Pair({ one, other }: { one: number | null; other: number | null }) {
  const [a, b] = [duration(one), duration(other)];
  if (a === null || b === null) return "–";
  return (
    <>
      {a.text}
      {a.unit === b.unit ? null : <small> {a.unit}</small>} / {b.text} <small>{b.unit}</small>
    </>
  );
}
