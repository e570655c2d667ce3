import type { ReplicaView } from "@claviger/shared/api/gateway";
import { CirclePause, CirclePlay, Unplug } from "lucide-react";
import { useTranslations } from "use-intl";
import { holds } from "../api/fleet.ts";
import type { Gateway } from "../api/queries.ts";
import { type DataColumn, DataTable } from "../ui/data-table.tsx";
import { MenuItem, MenuLine } from "../ui/menu.tsx";
import { useNow } from "../ui/now.tsx";
import { RowMenu, RowMenuButton, useRowMenu } from "../ui/row-menu.tsx";
import { FleetStatus } from "../ui/status.tsx";
import { localAndUtc, offset, revisionNumber, span, versionOf } from "../words/format.ts";

interface Row {
  readonly gateway: Gateway;
  /** Absent while nothing has joined under the gateway's name. */
  readonly replica: ReplicaView | undefined;
}

export interface ReplicaTableProps {
  readonly fleet: readonly Gateway[];
  readonly onAct: ((kind: "drain" | "detach", gateway: Gateway) => void) | undefined;
}

export function ReplicaTable({ fleet, onAct }: ReplicaTableProps) {
  const t = useTranslations("gateways");
  const menu = useRowMenu<Gateway>();
  const rows = fleet.flatMap((gateway): Row[] => {
    const { replicas } = gateway.attributes;
    return replicas.length === 0
      ? [{ gateway, replica: undefined }]
      : replicas.map((replica) => ({ gateway, replica }));
  });
  const actions: DataColumn<Row> = {
    id: "actions",
    head: <span className="sr">{t("detach")}</span>,
    width: 52,
    right: true,
    cell: ({ gateway }) =>
      onAct === undefined ? null : (
        <RowMenuButton handle={menu} row={gateway} label={t("more", { name: gateway.attributes.name })} />
      ),
  };
  return (
    <>
      <DataTable
        label={t("replicas")}
        rows={rows}
        rowKey={({ gateway, replica }) => replica?.id ?? gateway.id}
        columns={[...useIdentity(), ...useFigures(), actions]}
      />
      <RowMenu handle={menu}>
        {(gateway) => (
          <>
            <MenuItem
              icon={gateway.attributes.drainingSince === null ? CirclePause : CirclePlay}
              onSelect={() => onAct?.("drain", gateway)}
            >
              {gateway.attributes.drainingSince === null ? t("drain") : t("resume")}
            </MenuItem>
            <MenuLine />
            <MenuItem icon={Unplug} danger onSelect={() => onAct?.("detach", gateway)}>
              {t("detach")}
            </MenuItem>
          </>
        )}
      </RowMenu>
    </>
  );
}

/** Which it is. */
function useIdentity(): DataColumn<Row>[] {
  const t = useTranslations("gateways");
  const runtimes = { node: "Node", workers: "Workers" };
  return [
    { id: "replica", head: t("colReplica"), cell: nameOf },
    {
      id: "state",
      head: t("colState"),
      width: 136,
      className: "st-cell",
      label: "",
      cell: ({ replica }) => <FleetStatus status={replica?.status ?? "pending"} />,
    },
    { id: "region", head: t("colRegion"), width: 110, cell: ({ gateway }) => gateway.attributes.region },
    {
      id: "runtime",
      head: t("colRuntime"),
      width: 96,
      cell: ({ gateway: { attributes } }) =>
        attributes.runtime === null ? "–" : runtimes[attributes.runtime],
    },
    {
      id: "version",
      head: t("colVersion"),
      width: 90,
      className: "num",
      cell: ({ replica }) => versionOf(replica?.version),
    },
  ];
}

/** How it does. */
function useFigures(): DataColumn<Row>[] {
  const t = useTranslations("gateways");
  const now = useNow();
  const heartbeat = (at: string | null | undefined) =>
    at ? (
      <time dateTime={at} title={localAndUtc(at)}>
        {t("ago", { span: span(now - Date.parse(at)) })}
      </time>
    ) : (
      "–"
    );
  return [
    { id: "revision", head: t("colRevision"), width: 92, right: true, className: "num", cell: Revision },
    {
      id: "heartbeat",
      head: t("colHeartbeat"),
      width: 128,
      right: true,
      className: "num",
      cell: ({ replica }) => heartbeat(replica?.lastHeartbeatAt),
    },
    {
      id: "requests",
      head: t("requests"),
      width: 100,
      right: true,
      className: "num",
      cell: ({ replica }) => replica?.requestsPerSecond.toFixed(1) ?? "–",
    },
    {
      id: "inflight",
      head: t("colInflight"),
      width: 104,
      right: true,
      className: "num",
      cell: ({ replica }) => replica?.inflight ?? "–",
    },
    {
      id: "clock",
      head: t("clock"),
      width: 110,
      right: true,
      className: "num",
      cell: ({ replica }) => offset(replica?.clockOffsetMs, replica?.clockErrorMs),
    },
  ];
}

function nameOf({ gateway, replica }: Row) {
  const { name, replicas } = gateway.attributes;
  return replica === undefined || replicas.length === 1 ? name : `${name} / ${replica.slot}`;
}

function Revision({ replica }: Row) {
  if (replica === undefined) return "–";
  const behind = !holds(replica.revision, replica.revisionWanted);
  return <span className={behind ? "soon" : ""}>{revisionNumber(replica.revision)}</span>;
}
