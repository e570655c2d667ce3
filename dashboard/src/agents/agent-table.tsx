import { KeyRound, Pencil, RotateCw } from "lucide-react";
import { useTranslations } from "use-intl";
import type { Agent } from "../api/queries.ts";
import type { Acting, ActionKind } from "../keys/actions.tsx";
import { Propagation } from "../keys/propagation.tsx";
import { StatusItems } from "../keys/status-items.tsx";
import { useMay, useSession } from "../shell/session.ts";
import { CopyIcon } from "../ui/copy.tsx";
import { type DataColumn, DataTable } from "../ui/data-table.tsx";
import { MenuItem } from "../ui/menu.tsx";
import { Day, LastUsed } from "../ui/now.tsx";
import { RowMenu, RowMenuButton, useRowMenu } from "../ui/row-menu.tsx";
import { KeyStatus } from "../ui/status.tsx";

export interface AgentTableProps {
  readonly agents: readonly Agent[];
  readonly onAct: (acting: Acting) => void;
  readonly onTokens: (agent: Agent) => void;
}

export function AgentTable({ agents, onAct, onTokens }: AgentTableProps) {
  const t = useTranslations("agents");
  const menu = useRowMenu<Agent>();
  const columns = [...useNames(), ...useFigures()];
  const actions: DataColumn<Agent> = {
    id: "actions",
    head: <span className="sr">{t("edit")}</span>,
    width: 52,
    right: true,
    cell: (agent) => (
      <RowMenuButton handle={menu} row={agent} label={t("more", { name: agent.attributes.name })} />
    ),
  };
  return (
    <>
      <DataTable label={t("title")} rows={agents} rowKey={({ id }) => id} columns={[...columns, actions]} />
      <RowMenu handle={menu}>{(agent) => <Items agent={agent} onAct={onAct} onTokens={onTokens} />}</RowMenu>
    </>
  );
}

function useNames(): DataColumn<Agent>[] {
  const t = useTranslations("agents");
  return [
    {
      id: "name",
      head: t("colName"),
      cell: ({ attributes: { name } }) => (
        <span className="cut" title={name}>
          {name}
        </span>
      ),
    },
    {
      id: "id",
      head: t("colId"),
      className: "wide",
      width: 190,
      cell: ({ id, attributes: { name } }) => (
        <span className="key-cell">
          <span className="mono">{id}</span>
          <CopyIcon text={id} label={t("copyId", { name })} />
        </span>
      ),
    },
    { id: "owner", head: t("colOwner"), width: 120, cell: ({ attributes }) => attributes.ownerName },
    {
      id: "status",
      head: t("colStatus"),
      width: 100,
      cell: ({ attributes }) => <KeyStatus status={attributes.status} />,
    },
    { id: "scopes", head: t("colScopes"), cell: (agent) => <Scopes agent={agent} /> },
  ];
}

function Scopes({ agent: { attributes } }: { agent: Agent }) {
  const t = useTranslations("agents");
  const { allowedModels, allowedProviders } = attributes;
  if (allowedModels === null && allowedProviders === null)
    return <span className="soft">{t("anything")}</span>;
  const models = allowedModels === null ? t("anyModel") : t("models_", { count: allowedModels.length });
  const providers =
    allowedProviders === null ? t("anyProvider") : t("providers_", { count: allowedProviders.length });
  const title = [...(allowedModels ?? []), ...(allowedProviders ?? [])].join(", ");
  return (
    <span className="cut" title={title}>
      {t("scopes", { models, providers })}
    </span>
  );
}

function useFigures(): DataColumn<Agent>[] {
  const t = useTranslations("agents");
  return [
    {
      id: "gateways",
      head: t("colGateways"),
      width: 116,
      className: "prop",
      cell: ({ attributes: { revision, status } }) => (
        <Propagation revision={revision} muted={status !== "active"} />
      ),
    },
    {
      id: "used",
      head: t("colUsed"),
      width: 90,
      className: "num",
      cell: ({ attributes }) => <LastUsed at={attributes.lastUsedAt} />,
    },
    {
      id: "created",
      head: t("colCreated"),
      width: 90,
      className: "num",
      cell: ({ attributes }) => <Day at={attributes.createdAt} />,
    },
  ];
}

interface ItemsProps {
  readonly agent: Agent;
  readonly onAct: (acting: Acting) => void;
  readonly onTokens: (agent: Agent) => void;
}

function Items({ agent, onAct, onTokens }: ItemsProps) {
  const t = useTranslations("agents");
  const admin = useMay("admin");
  const member = useMay("member");
  const mine = useSession().memberId === agent.attributes.ownerId;
  const { status } = agent.attributes;
  const act = (kind: ActionKind) => () => onAct({ kind, apiKey: agent });
  return (
    <>
      <MenuItem icon={KeyRound} onSelect={() => onTokens(agent)}>
        {t("tokens")}
      </MenuItem>
      {admin || (member && mine) ? (
        <>
          <MenuItem icon={Pencil} onSelect={act("edit")}>
            {t("edit")}
          </MenuItem>
          {status === "active" ? (
            <MenuItem icon={RotateCw} onSelect={act("rotate")}>
              {t("rotate")}
            </MenuItem>
          ) : null}
          <StatusItems status={status} act={act} />
        </>
      ) : null}
    </>
  );
}
