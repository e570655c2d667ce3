/** `/logs`: what was asked of the gateways, and what each of them decided. */
import { useQuery } from "@tanstack/react-query";
import { useTranslations } from "use-intl";
import { fleetQuery } from "../api/queries.ts";
import { PageHead } from "../shell/page-head.tsx";
import { Button } from "../ui/button.tsx";
import { type DataColumn, DataTable } from "../ui/data-table.tsx";
import { Loaded } from "../ui/loaded.tsx";
import { NewPill } from "../ui/new-pill.tsx";
import { Select } from "../ui/select.tsx";
import { useHeld } from "../ui/use-held.ts";
import { clock, dayOf, localAndUtc } from "../words/format.ts";
import { Answered } from "./answered.tsx";
import { LogDrawer } from "./log-drawer.tsx";
import { NoRecords } from "./no-records.tsx";
import { RecordFilters, TextFilter } from "./record-filters.tsx";
import { type LogEntry, recordsQuery } from "./records.ts";
import { toolOf } from "./tool.ts";
import { useOpen } from "./use-open.ts";
import { useRecordSearch } from "./use-record-search.ts";
import { useTail } from "./use-tail.ts";

export function LogsPage() {
  const t = useTranslations("records");
  const { search, set, clear } = useRecordSearch();
  const { open, setOpen } = useOpen();
  const { key, code, model, gateway, surface, after } = search;
  const tail = useTail(search.live, set);
  const filters = { key, code, model, gateway, surface };
  const query = useQuery(recordsQuery<LogEntry>({ noun: "logs", filters, after, live: tail.live }));
  return (
    <>
      <PageHead title={t("logs")} lead={t("logsLead")} />
      <RecordFilters tail={tail} onRefresh={() => void query.refetch()}>
        <TextFilter label={t("keyId")} value={key ?? ""} onChange={(value) => set("key", value)} />
        <TextFilter label={t("model")} value={model ?? ""} onChange={(value) => set("model", value)} />
        <TextFilter label={t("code")} value={code ?? ""} onChange={(value) => set("code", value)} />
        <SurfaceFilter value={surface ?? ""} onChange={(value) => set("surface", value)} />
        <GatewayFilter value={gateway ?? ""} onChange={(value) => set("gateway", value)} />
      </RecordFilters>
      <Loaded query={query}>
        {({ data, meta, next }) =>
          data.length === 0 ? (
            <NoRecords
              {...{
                title: t("noLogs"),
                text: t("noLogsText"),
                meta,
                onClear: clear,
                atMs: query.dataUpdatedAt,
              }}
              filters={[
                [t("keyId"), key],
                [t("model"), model],
                [t("code"), code],
                [t("surface"), surface],
                [t("gateway"), gateway],
              ]}
            />
          ) : (
            <LogTable
              rows={data}
              question={JSON.stringify([filters, after])}
              paused={tail.paused}
              onOpen={({ attributes }) => setOpen(attributes.requestId)}
              dim={query.isPlaceholderData}
            >
              <Answered meta={meta} atMs={query.dataUpdatedAt} />
              <Turning after={after} next={next} onTurn={(cursor) => set("after", cursor)} />
            </LogTable>
          )
        }
      </Loaded>
      {open === undefined ? null : (
        <LogDrawer requestId={open} rows={query.data?.data ?? []} onClose={() => setOpen(undefined)} />
      )}
    </>
  );
}

/** Of all surfaces the one that calls tools and not models; a link may name any other. */
function SurfaceFilter({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const t = useTranslations("records");
  const other = value === "" || value === "mcp" ? [] : [{ value, label: value }];
  return (
    <Select
      look="filter"
      label={t("surface")}
      value={value}
      onChange={onChange}
      options={[{ value: "", label: t("any") }, { value: "mcp", label: t("mcpCalls") }, ...other]}
    />
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
  /** What was asked for: the answer to another question is shown at once. */
  readonly question: string;
  readonly paused: boolean;
  readonly onOpen: (entry: LogEntry) => void;
  readonly dim: boolean;
  readonly children: React.ReactNode;
}

const keyOf = ({ id }: LogEntry) => id;

function LogTable({ rows, question, paused, onOpen, dim, children }: LogTableProps) {
  const t = useTranslations("records");
  const held = useHeld(rows, keyOf, question, paused);
  return (
    <>
      <NewPill fresh={held.fresh} onShow={held.release} />
      <DataTable
        label={t("logs")}
        rows={held.rows}
        rowKey={keyOf}
        dim={dim}
        footer={<footer className="tfoot">{children}</footer>}
        columns={[...useOutcome(onOpen), ...useFacts()]}
      />
    </>
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
      head: t("modelOrTool"),
      cell: ({ attributes: { model, mcp } }) => (
        <span className="mono">{model ?? (mcp && toolOf(mcp)) ?? "–"}</span>
      ),
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
      cell: ({ attributes: { tokens, mcp } }) =>
        tokens === null || mcp !== undefined ? "–" : `${tokens.input ?? "–"} / ${tokens.output ?? "–"}`,
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
