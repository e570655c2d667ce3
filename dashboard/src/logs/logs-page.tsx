/** `/logs`: what was asked of the gateways, and what each of them decided. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { fleetQuery } from "../api/queries.ts";
import { PageHead } from "../shell/page-head.tsx";
import { Button } from "../ui/button.tsx";
import { type DataColumn, DataTable } from "../ui/data-table.tsx";
import { Loaded } from "../ui/loaded.tsx";
import { Nothing } from "../ui/nothing.tsx";
import { Select } from "../ui/select.tsx";
import { clock, dayOf, localAndUtc } from "../words/format.ts";
import { Answered } from "./answered.tsx";
import { LogDrawer } from "./log-drawer.tsx";
import { RecordFilters, TextFilter } from "./record-filters.tsx";
import { type LogEntry, recordsQuery } from "./records.ts";
import { useRecordSearch } from "./use-record-search.ts";

export function LogsPage() {
  const t = useTranslations("records");
  const { search, set } = useRecordSearch();
  const [live, setLive] = useState(false);
  const [open, setOpen] = useState<LogEntry | null>(null);
  const { key, code, model, gateway, after } = search;
  const query = useQuery(
    recordsQuery<LogEntry>({ noun: "logs", filters: { key, code, model, gateway }, after, live }),
  );
  return (
    <>
      <PageHead title={t("logs")} lead={t("logsLead")} />
      <RecordFilters live={live} onLive={setLive} onRefresh={() => void query.refetch()}>
        <TextFilter label={t("keyId")} value={key ?? ""} onChange={(value) => set("key", value)} />
        <TextFilter label={t("model")} value={model ?? ""} onChange={(value) => set("model", value)} />
        <TextFilter label={t("code")} value={code ?? ""} onChange={(value) => set("code", value)} />
        <GatewayFilter value={gateway ?? ""} onChange={(value) => set("gateway", value)} />
      </RecordFilters>
      <Loaded query={query}>
        {({ data, meta, next }) =>
          data.length === 0 ? (
            <Nothing title={t("noLogs")} text={t("noLogsText")}>
              <Answered meta={meta} atMs={query.dataUpdatedAt} />
            </Nothing>
          ) : (
            <LogTable rows={data} onOpen={setOpen} dim={query.isPlaceholderData}>
              <Answered meta={meta} atMs={query.dataUpdatedAt} />
              <Turning after={after} next={next} onTurn={(cursor) => set("after", cursor)} />
            </LogTable>
          )
        }
      </Loaded>
      {open === null ? null : <LogDrawer entry={open} onClose={() => setOpen(null)} />}
    </>
  );
}

export function GatewayFilter({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const t = useTranslations("records");
  const { data: fleet = [] } = useQuery(fleetQuery);
  const names = fleet.map(({ attributes: { name } }) => ({ value: name, label: name }));
  return (
    <Select
      look="filter"
      label={t("gateway")}
      value={value}
      onChange={onChange}
      options={[{ value: "", label: t("any") }, ...names]}
    />
  );
}

export interface TurningProps {
  readonly after: string | undefined;
  readonly next: string | null;
  readonly onTurn: (after: string) => void;
}

/** Older rows, and back to the newest. */
export function Turning({ after, next, onTurn }: TurningProps) {
  const t = useTranslations("records");
  return (
    <span className="pager">
      <Button small disabled={after === undefined} onClick={() => onTurn("")}>
        {t("newestRows")}
      </Button>
      <Button small disabled={next === null} onClick={() => onTurn(next ?? "")}>
        {t("olderRows")}
      </Button>
    </span>
  );
}

interface LogTableProps {
  readonly rows: readonly LogEntry[];
  readonly onOpen: (entry: LogEntry) => void;
  readonly dim: boolean;
  readonly children: React.ReactNode;
}

function LogTable({ rows, onOpen, dim, children }: LogTableProps) {
  const t = useTranslations("records");
  return (
    <DataTable
      label={t("logs")}
      rows={rows}
      rowKey={({ id }) => id}
      dim={dim}
      footer={<footer className="tfoot">{children}</footer>}
      columns={[...useOutcome(onOpen), ...useFacts()]}
    />
  );
}

/** When, and with what answer. */
function useOutcome(onOpen: (entry: LogEntry) => void): DataColumn<LogEntry>[] {
  const t = useTranslations("records");
  return [
    {
      id: "at",
      head: t("at"),
      width: 168,
      cell: (entry) => (
        <button
          type="button"
          className="num underline-offset-2 hover:underline"
          title={localAndUtc(entry.attributes.at)}
          onClick={() => onOpen(entry)}
        >
          {dayOf(entry.attributes.at, Date.now())} {clock(entry.attributes.at, true)}
          <span className="sr">{t("openRow", { id: entry.attributes.requestId })}</span>
        </button>
      ),
    },
    {
      id: "status",
      head: t("status"),
      width: 200,
      cell: ({ attributes: { status, code } }) => (
        <span className={code === null ? "num" : "num text-danger-ink"}>
          {status} {code === null ? t("admitted") : code}
        </span>
      ),
    },
  ];
}

/** What was asked for, where, and what it took. */
function useFacts(): DataColumn<LogEntry>[] {
  const t = useTranslations("records");
  return [
    {
      id: "model",
      head: t("model"),
      cell: ({ attributes }) => <span className="mono">{attributes.model ?? "–"}</span>,
    },
    {
      id: "key",
      head: t("key"),
      width: 150,
      cell: ({ attributes }) => <span className="mono">{attributes.keyId ?? "–"}</span>,
    },
    { id: "gateway", head: t("gateway"), width: 90, cell: ({ attributes }) => attributes.gateway },
    {
      id: "tokens",
      head: t("tokens"),
      width: 120,
      right: true,
      className: "num",
      cell: ({ attributes: { tokens } }) =>
        tokens === null ? "–" : `${tokens.input ?? "–"} / ${tokens.output ?? "–"}`,
    },
    {
      id: "time",
      head: t("time"),
      width: 90,
      right: true,
      className: "num",
      cell: ({ attributes }) => Math.round(attributes.totalMs),
    },
  ];
}
