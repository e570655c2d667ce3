import { useQueries, useQuery } from "@tanstack/react-query";
import { useTranslations } from "use-intl";
import { Bars } from "./bars.tsx";
import { duration, figureOf, onAxis, shown, TOKEN_NAMES } from "./figures.ts";
import { Lines } from "./lines.tsx";
import { dimensionOf, useGroupName, valueIn } from "./names.ts";
import { ChartPanel } from "./panel.tsx";
import { type UsageRow, usageQuery } from "./queries.ts";
import { bucketsOf, INTERVAL_MS, momentOf, type Range, tickOf } from "./range.ts";
import type { UsageSearch } from "./search.ts";
import { colorOf, REST_COLOR, restOf, type Series, valuesOf } from "./series.ts";

interface ChartProps {
  readonly search: UsageSearch;
  readonly range: Range;
  /** Of all groups together, by time. */
  readonly timeline: readonly UsageRow[];
  readonly nowMs: number;
  readonly dim: boolean;
}

/** The largest groups over time, the others together. */
export function GroupsOverTime({
  search,
  range,
  timeline,
  nowMs,
  dim,
  top,
  groups,
}: ChartProps & { readonly top: readonly UsageRow[]; readonly groups: number }) {
  const t = useTranslations("usage");
  const { by, show } = search;
  const named = top.filter(({ attributes }) => valueIn(attributes, by) !== null);
  // Of one group more the rest is that group, so it has a name: requests without an error, keys of no agent.
  const other = groups === named.length + 1 ? top.find((row) => !named.includes(row)) : undefined;
  const series = useTopSeries(search, range, named, timeline, other);
  const title = t("chartTitle", {
    what: t(`shows.${show}`),
    per: t(`perLower.${range.per}`),
    by: t(`lower.${dimensionOf(by)}`, { tag: by.slice(9) }),
  });
  const unit = t(`units.${show}`);
  const time = timeOf(range, nowMs);
  const text = (value: number) => shown(value, show);
  return (
    <ChartPanel
      {...{ title, series, text, dim, moments: time.moments, summed: true, height: 250 }}
      unit={
        groups > named.length && other === undefined
          ? t("chartTop", { unit, top: named.length, all: groups })
          : t("chartAll", { unit })
      }
    >
      {(drawn) => (
        <Bars
          {...{
            ...drawn,
            series,
            ticks: time.ticks,
            open: time.open,
            axis: (value: number) => onAxis(text(value)),
          }}
          label={t("plotHelp", { title })}
        />
      )}
    </ChartPanel>
  );
}

function useTopSeries(
  search: UsageSearch,
  range: Range,
  top: readonly UsageRow[],
  timeline: readonly UsageRow[],
  other: UsageRow | undefined,
): Series[] {
  const t = useTranslations("usage");
  const nameOf = useGroupName(search.by);
  const buckets = bucketsOf(range);
  const more = { interval: range.per, "page[size]": "200" };
  const asked = top.map(({ attributes }) =>
    usageQuery({ search, range, more, only: { by: search.by, value: valueIn(attributes, search.by) ?? "" } }),
  );
  const answers = useQueries({ queries: asked });
  const rows = answers.map(({ data }) => data?.data ?? []);
  const read = (list: readonly UsageRow[]) =>
    valuesOf(
      list.map(({ attributes }) => attributes),
      buckets,
      (figures) => figureOf(figures, search.show),
      0,
    );
  const series = top.map((row, n) => ({
    id: row.id,
    label: nameOf(row),
    color: colorOf(n),
    values: read(rows[n] ?? []),
  }));
  // What has not been read yet is not nothing.
  if (answers.some(({ data }) => data === undefined)) return [];
  const rest = restOf(read(timeline), series);
  if (rest.every((value) => value === 0)) return series;
  const label = other === undefined ? t("rest") : nameOf(other);
  return [...series, { id: "rest", label, color: REST_COLOR, values: rest }];
}

/** Tokens by kind: each in one of them only. */
export function TokensOverTime({ range, timeline, nowMs, dim }: ChartProps) {
  const t = useTranslations("usage");
  const buckets = bucketsOf(range);
  const rows = timeline.map(({ attributes }) => attributes);
  const kinds = [
    ["inputKind", ["inputTokens"]],
    ["cacheRead", ["cacheReadTokens"]],
    ["cacheWrite", ["cacheWriteTokens", "cacheWriteLongTokens"]],
    ["outputKind", ["outputTokens"]],
    ["reasoning", ["reasoningTokens"]],
    ["media", TOKEN_NAMES.filter((name) => /^(?:audio|image)/.test(name))],
  ] as const;
  const series = kinds
    .map(([word, names], n) => ({
      id: word,
      label: t(word),
      color: colorOf(n),
      values: valuesOf(rows, buckets, (row) => names.reduce((sum, name) => sum + row[name], 0), 0),
    }))
    .filter(({ values }, n) => n === 0 || values.some((value) => value > 0));
  const title = t("tokensTitle", { per: t(`perLower.${range.per}`) });
  const time = timeOf(range, nowMs);
  const text = (value: number) => shown(value, "tokens");
  return (
    <ChartPanel
      {...{
        title,
        series,
        text,
        dim,
        unit: t("tokensUnit"),
        moments: time.moments,
        summed: true,
        height: 180,
      }}
    >
      {(drawn) => (
        <Bars
          {...{
            ...drawn,
            series,
            ticks: time.ticks,
            open: time.open,
            axis: (value: number) => onAxis(text(value)),
          }}
          label={t("plotHelp", { title })}
        />
      )}
    </ChartPanel>
  );
}

/** How long answers took, and how long until they began. */
export function LatencyOverTime({ range, timeline, nowMs, dim }: ChartProps) {
  const t = useTranslations("usage");
  const buckets = bucketsOf(range);
  const rows = timeline.map(({ attributes }) => attributes);
  const lines = [
    ["p95", "latencyP95Ms"],
    ["p50", "latencyP50Ms"],
    ["ttft", "firstByteP50Ms"],
  ] as const;
  const series = lines.map(([word, name], n) => ({
    id: word,
    label: t(word),
    color: colorOf(n),
    values: valuesOf(rows, buckets, (row) => row[name] ?? Number.NaN, Number.NaN),
  }));
  const title = t("latencyTitle", { per: t(`perLower.${range.per}`) });
  const time = timeOf(range, nowMs);
  const text = (value: number) => {
    const read = duration(Number.isFinite(value) ? value : null);
    return read === null ? "–" : `${read.text} ${read.unit}`;
  };
  return (
    <ChartPanel
      {...{
        title,
        series,
        text,
        dim,
        unit: t("latencyUnit"),
        moments: time.moments,
        summed: false,
        height: 180,
      }}
    >
      {(drawn) => (
        <Lines
          {...{
            ...drawn,
            series,
            ticks: time.ticks,
            axis: (value: number) => onAxis(text(value)).replace("≈", ""),
          }}
          label={t("plotHelp", { title })}
        />
      )}
    </ChartPanel>
  );
}

/** The names of the intervals, and whether the last one is still running. */
function timeOf(range: Range, nowMs: number) {
  const buckets = bucketsOf(range);
  return {
    moments: buckets.map((atMs) => momentOf(atMs, range.per)),
    ticks: buckets.map((atMs) => tickOf(atMs, range.per)),
    open: (buckets.at(-1) ?? 0) + INTERVAL_MS[range.per] > nowMs,
  };
}

/** The rows by time of everything that the filters leave. */
export function useTimeline(search: UsageSearch, range: Range) {
  return useQuery(usageQuery({ search, range, more: { interval: range.per, "page[size]": "200" } }));
}
