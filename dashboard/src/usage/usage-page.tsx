/** `/usage`: who used what, when, and what it cost. Charts, each with a table of the same figures. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Download } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslations } from "use-intl";
import { PageHead } from "../shell/page-head.tsx";
import { Button } from "../ui/button.tsx";
import { Loaded } from "../ui/loaded.tsx";
import { Nothing } from "../ui/nothing.tsx";
import { Problem } from "../ui/problem.tsx";
import { GroupsOverTime, LatencyOverTime, TokensOverTime, useTimeline } from "./charts.tsx";
import { Filters } from "./filters.tsx";
import { Freshness } from "./freshness.tsx";
import { GroupTable } from "./group-table.tsx";
import { History } from "./history.tsx";
import { Kpis } from "./kpis.tsx";
import { type Asked, completeOf, downloadCsv, usageQuery } from "./queries.ts";
import { type Range, rangeOf } from "./range.ts";
import { filterNames, isNarrowed, type UsageSearch } from "./search.ts";
import { colorOf, TOP } from "./series.ts";
import { type SetSearch, useUsageSearch } from "./use-usage-search.ts";

const TICK_MS = 5_000;
const ROWS = "25";

export function UsagePage() {
  const t = useTranslations("usage");
  const { search, set } = useUsageSearch();
  const nowMs = useTick();
  const range = rangeOf(search, nowMs);
  const totals = useQuery(usageQuery({ search, range }));
  const { busy, error, download } = useDownload();
  const asked = { search, range, more: { groupBy: search.by, interval: range.per } };
  return (
    <>
      <PageHead
        title={t("title")}
        lead={<Freshness complete={completeOf(totals.data)} nowMs={nowMs} />}
        actions={
          <Button icon={Download} busy={busy} disabled={busy} onClick={() => download(asked)}>
            {busy ? t("csvBusy") : t("csv")}
          </Button>
        }
      />
      {error === null ? null : <Problem error={error} onRetry={() => download(asked)} />}
      <Filters search={search} range={range} set={set} />
      <Loaded query={totals}>
        {({ data: [row] }) =>
          row === undefined ? (
            <Empty search={search} set={set} />
          ) : (
            <Figures {...{ search, range, set, nowMs, row, dim: totals.isPlaceholderData }} />
          )
        }
      </Loaded>
    </>
  );
}

interface FiguresProps {
  readonly search: UsageSearch;
  readonly range: Range;
  readonly set: SetSearch;
  readonly nowMs: number;
  readonly row: { readonly attributes: Parameters<typeof Kpis>[0]["now"] };
  readonly dim: boolean;
}

function Figures({ search, range, set, nowMs, row, dim }: FiguresProps) {
  const { fromMs, toMs, backMs } = range;
  const before = useQuery(usageQuery({ search, range: { fromMs: fromMs - backMs, toMs: toMs - backMs } }));
  const timeline = useTimeline(search, range);
  const grouped = { groupBy: search.by };
  const largest = `-${search.show}`;
  const top = useQuery(
    usageQuery({ search, range, more: { ...grouped, sort: largest, "page[size]": `${TOP}` } }),
  );
  const sort = search.sort ?? largest;
  const table = useQuery(
    usageQuery({
      search,
      range,
      more: { ...grouped, sort, "page[size]": ROWS, "page[after]": search.after },
    }),
  );
  const first = top.data?.data ?? [];
  const named = first.filter(({ attributes }) => attributes.group[search.by] !== null);
  const chart = { search, range, nowMs, timeline: timeline.data?.data ?? [] };
  return (
    <>
      <Kpis now={row.attributes} before={before.data?.data[0]?.attributes} range={search.range} />
      <GroupsOverTime
        {...chart}
        dim={dim || top.isPlaceholderData}
        top={first}
        groups={Number(top.data?.meta.total ?? first.length)}
      />
      <div className="two">
        <TokensOverTime {...chart} dim={timeline.isPlaceholderData} />
        <LatencyOverTime {...chart} dim={timeline.isPlaceholderData} />
      </div>
      <Loaded query={table}>
        {({ data, meta, next }) => (
          <GroupTable
            {...{ search, set, sort, next, rows: data, total: row.attributes }}
            groups={Number(meta.total ?? data.length)}
            colorOf={({ id }) => colorOf(place(named, id))}
            dim={table.isPlaceholderData}
          />
        )}
      </Loaded>
      <History search={search} />
    </>
  );
}

/** Where a row stands among the largest; beyond all colours when it does not. */
function place(named: readonly { readonly id: string }[], id: string): number {
  const at = named.findIndex((row) => row.id === id);
  return at < 0 ? TOP : at;
}

function Empty({ search, set }: { search: UsageSearch; set: SetSearch }) {
  const t = useTranslations("usage");
  if (!isNarrowed(search)) {
    return (
      <Nothing title={t("noneTitle")} text={t("noneText")}>
        <Link className="btn" to="/keys">
          {t("toKeys")}
        </Link>
      </Nothing>
    );
  }
  const { q, tag, filters } = search;
  const words = [...Object.values(filters), q, tag].filter((word) => word !== undefined).join(", ");
  const none = Object.fromEntries(["q", "tag", ...filterNames].map((name) => [name, ""]));
  return (
    <Nothing title={t("noMatchTitle")} text={t("noMatchText", { filters: words })}>
      <Button onClick={() => set(none)}>{t("clear")}</Button>
    </Nothing>
  );
}

/** The time, as often as a range could have moved on. */
function useTick(): number {
  const [nowMs, setNowMs] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return nowMs;
}

function useDownload() {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const download = (asked: Asked) => {
    setBusy(true);
    downloadCsv(asked)
      .then(() => setError(null), setError)
      .finally(() => setBusy(false));
  };
  return { busy, error, download };
}
