/** The latest requests that the page's filters leave, as the gateways logged them. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslations } from "use-intl";
import { Answered } from "../logs/answered.tsx";
import { LogDrawer } from "../logs/log-drawer.tsx";
import { type LogEntry, recordsQuery } from "../logs/records.ts";
import { useOpen } from "../logs/use-open.ts";
import { Bones } from "../ui/bones.tsx";
import { type DataColumn, DataTable } from "../ui/data-table.tsx";
import { Nothing } from "../ui/nothing.tsx";
import { Problem } from "../ui/problem.tsx";
import { clock, dayOf, localAndUtc } from "../words/format.ts";
import { logFilters } from "./queries.ts";
import type { UsageSearch } from "./search.ts";

const ROWS = 15;

export function History({ search }: { search: UsageSearch }) {
  const t = useTranslations("usage");
  const { open, setOpen } = useOpen();
  const filters = Object.fromEntries(logFilters.map((name) => [name, search.filters[name]]));
  const query = useQuery(recordsQuery<LogEntry>({ noun: "logs", filters, after: undefined, live: false }));
  const unfit =
    search.q !== undefined ||
    search.tag !== undefined ||
    Object.keys(search.filters).some((name) => !logFilters.some((fit) => fit === name));
  return (
    <section className="history" aria-label={t("history")}>
      <header>
        <div>
          <h2>{t("history")}</h2>
          <p>{unfit ? t("historyUnfit") : t("historyLead")}</p>
        </div>
        <Link className="link" to="/logs" search={filters}>
          {t("historyAll")}
        </Link>
      </header>
      {query.data === undefined ? (
        query.error === null ? (
          <section className="panel">
            <Bones rows={3} label={t("history")} />
          </section>
        ) : (
          <Problem error={query.error} onRetry={() => void query.refetch()} />
        )
      ) : query.data.data.length === 0 ? (
        <Nothing title={t("historyNone")} text="">
          <Answered meta={query.data.meta} atMs={query.dataUpdatedAt} />
        </Nothing>
      ) : (
        <Rows
          rows={query.data.data.slice(0, ROWS)}
          dim={query.isPlaceholderData}
          onOpen={({ attributes }) => setOpen(attributes.requestId)}
        >
          <Answered meta={query.data.meta} atMs={query.dataUpdatedAt} />
        </Rows>
      )}
      {open === undefined ? null : (
        <LogDrawer requestId={open} rows={query.data?.data ?? []} onClose={() => setOpen(undefined)} />
      )}
    </section>
  );
}

interface RowsProps {
  readonly rows: readonly LogEntry[];
  readonly dim: boolean;
  readonly onOpen: (entry: LogEntry) => void;
  readonly children: React.ReactNode;
}

function Rows({ rows, dim, onOpen, children }: RowsProps) {
  const t = useTranslations("usage");
  const facts: DataColumn<LogEntry>[] = [
    {
      ...{ id: "status", head: t("colStatus"), width: 168 },
      cell: ({ attributes: { status, code } }) => (
        <span className={code === null ? "num" : "num text-danger-ink"}>
          {status} {code ?? "OK"}
        </span>
      ),
    },
    {
      ...{ id: "model", head: t("colModel") },
      cell: ({ attributes }) => <span className="mono">{attributes.model ?? "–"}</span>,
    },
    {
      ...{ id: "key", head: t("colKey"), width: 168 },
      cell: ({ attributes }) => <span className="mono">{attributes.keyId ?? "–"}</span>,
    },
    { ...{ id: "gateway", head: t("colGateway"), width: 96 }, cell: ({ attributes }) => attributes.gateway },
    {
      ...{ id: "tokens", head: t("colTokens"), width: 120, right: true, className: "num" },
      cell: ({ attributes: { tokens } }) =>
        tokens === null ? "–" : `${tokens.input ?? "–"} / ${tokens.output ?? "–"}`,
    },
    {
      ...{ id: "time", head: t("colTime"), width: 90, right: true, className: "num" },
      cell: ({ attributes }) => Math.round(attributes.totalMs),
    },
  ];
  return (
    <DataTable
      label={t("history")}
      rows={rows}
      rowKey={({ id }) => id}
      dim={dim}
      footer={<footer className="tfoot">{children}</footer>}
      columns={[useWhen(onOpen), ...facts]}
    />
  );
}

function useWhen(onOpen: (entry: LogEntry) => void): DataColumn<LogEntry> {
  const t = useTranslations("usage");
  return {
    ...{ id: "at", head: t("colWhen"), width: 176 },
    cell: (entry) => (
      <button
        type="button"
        className="num underline-offset-2 hover:underline"
        title={localAndUtc(entry.attributes.at)}
        onClick={() => onOpen(entry)}
      >
        {dayOf(entry.attributes.at, Date.now())} {clock(entry.attributes.at)}
        <span className="sr">{t("open", { id: entry.attributes.requestId })}</span>
      </button>
    ),
  };
}
