/** `/audit`: who changed what, as each gateway chained it when it took effect there. */
import { useQuery } from "@tanstack/react-query";
import { useTranslations } from "use-intl";
import { fleetQuery } from "../api/queries.ts";
import { Answered } from "../logs/answered.tsx";
import { GatewayFilter, Turning } from "../logs/logs-page.tsx";
import { NoRecords } from "../logs/no-records.tsx";
import { RecordFilters, TextFilter } from "../logs/record-filters.tsx";
import { type AuditEntry, recordsQuery } from "../logs/records.ts";
import { useRecordSearch } from "../logs/use-record-search.ts";
import { useTail } from "../logs/use-tail.ts";
import { PageHead } from "../shell/page-head.tsx";
import { Bit } from "../ui/bit.tsx";
import { DataTable } from "../ui/data-table.tsx";
import { Loaded } from "../ui/loaded.tsx";
import { NewPill } from "../ui/new-pill.tsx";
import { useHeld } from "../ui/use-held.ts";
import { clock, dayOf, localAndUtc } from "../words/format.ts";
import { type AuditLine, linesOf } from "./lines.ts";

export function AuditPage() {
  const t = useTranslations("records");
  const { search, set, clear } = useRecordSearch();
  const tail = useTail(search.live, set);
  const { key, action, gateway, after } = search;
  const query = useQuery(
    recordsQuery<AuditEntry>({ noun: "audit", filters: { key, action, gateway }, after, live: tail.live }),
  );
  return (
    <>
      <PageHead title={t("audit")} lead={t("auditLead")} />
      <RecordFilters tail={tail} onRefresh={() => void query.refetch()}>
        <TextFilter label={t("action")} value={action ?? ""} onChange={(value) => set("action", value)} />
        <TextFilter label={t("keyId")} value={key ?? ""} onChange={(value) => set("key", value)} />
        <GatewayFilter value={gateway ?? ""} onChange={(value) => set("gateway", value)} />
      </RecordFilters>
      <Loaded query={query}>
        {({ data, meta, next }) =>
          data.length === 0 ? (
            <NoRecords
              {...{
                title: t("noAudit"),
                text: t("noAuditText"),
                meta,
                onClear: clear,
                atMs: query.dataUpdatedAt,
              }}
              filters={[
                [t("action"), action],
                [t("keyId"), key],
                [t("gateway"), gateway],
              ]}
            />
          ) : (
            <AuditTable
              lines={linesOf(data)}
              question={JSON.stringify([key, action, gateway, after])}
              paused={tail.paused}
              dim={query.isPlaceholderData}
            >
              <Answered meta={meta} atMs={query.dataUpdatedAt} />
              <Turning after={after} next={next} onTurn={(cursor) => set("after", cursor)} />
            </AuditTable>
          )
        }
      </Loaded>
    </>
  );
}

interface AuditTableProps {
  readonly lines: readonly AuditLine[];
  readonly question: string;
  readonly paused: boolean;
  readonly dim: boolean;
  readonly children: React.ReactNode;
}

const keyOf = ({ id }: AuditLine) => id;

function AuditTable({ lines, question, paused, dim, children }: AuditTableProps) {
  const held = useHeld(lines, keyOf, question, paused);
  return (
    <>
      <NewPill fresh={held.fresh} onShow={held.release} />
      <AuditLines lines={held.rows} dim={dim}>
        {children}
      </AuditLines>
    </>
  );
}

function AuditLines({ lines, dim, children }: Pick<AuditTableProps, "lines" | "dim" | "children">) {
  const t = useTranslations("records");
  return (
    <DataTable
      label={t("audit")}
      rows={lines}
      rowKey={keyOf}
      dim={dim}
      footer={<footer className="tfoot">{children}</footer>}
      columns={[
        {
          id: "at",
          head: t("at"),
          width: 168,
          className: "num",
          cell: ({ at }) => (
            <time dateTime={at} title={localAndUtc(at)}>
              {dayOf(at, Date.now())} {clock(at, true)}
            </time>
          ),
        },
        {
          id: "actor",
          head: t("actor"),
          width: 190,
          cell: ({ actor, kind }) => (
            <span className={kind === "request" ? "mono" : ""} title={actor}>
              {actor}
            </span>
          ),
        },
        {
          id: "what",
          head: t("change"),
          width: 220,
          cell: ({ what }) => <span className="mono">{what}</span>,
        },
        {
          id: "target",
          head: t("target"),
          cell: ({ targets }) => (
            <span className="mono" title={targets.join(", ")}>
              {targets.length === 0 ? "–" : targets.join(", ")}
            </span>
          ),
        },
        {
          id: "revision",
          head: t("revision"),
          width: 90,
          className: "num",
          cell: ({ revision }) => revision,
        },
        { id: "gateways", head: t("gateways"), width: 180, cell: Gateways },
      ]}
    />
  );
}

/** Which gateways say that they have applied it. */
function Gateways({ kind, gateways }: AuditLine) {
  const { data: fleet = [] } = useQuery(fleetQuery);
  const known = fleet.filter(({ attributes }) => attributes.status !== "pending");
  if (kind !== "change") return gateways.join(", ");
  return (
    <span className="gw">
      <Bit
        muted
        states={known.map(({ attributes: { name, status } }) =>
          gateways.includes(name) ? "holds" : status === "down" ? "gone" : "waits",
        )}
      />
      {gateways.join(", ")}
    </span>
  );
}
