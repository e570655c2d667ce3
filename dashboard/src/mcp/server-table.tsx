import { CircleCheck, CirclePause, Ellipsis, Pencil, Power, Trash2, Wrench } from "lucide-react";
import { useTranslations } from "use-intl";
import { IconButton } from "../ui/button.tsx";
import { DataTable } from "../ui/data-table.tsx";
import { Icon } from "../ui/icon.tsx";
import { Menu, MenuItem, MenuLine } from "../ui/menu.tsx";
import { Day } from "../ui/now.tsx";
import type { McpActing } from "./actions.tsx";
import type { McpServer } from "./queries.ts";

export interface McpServerTableProps {
  readonly servers: readonly McpServer[];
  readonly onOpen: (id: string) => void;
  readonly onAct: ((acting: McpActing) => void) | undefined;
}

export function McpServerTable({ servers, onOpen, onAct }: McpServerTableProps) {
  const t = useTranslations("mcp");
  return (
    <DataTable
      label={t("title")}
      rows={servers}
      rowKey={({ id }) => id}
      columns={[
        { id: "name", head: t("colName"), cell: (server) => <Name server={server} onOpen={onOpen} /> },
        {
          id: "url",
          head: t("url"),
          cell: ({ attributes: { url } }) => (
            <div className="soft cut" title={url}>
              {url}
            </div>
          ),
        },
        { id: "state", head: t("colState"), width: 110, cell: (server) => <State server={server} /> },
        { id: "tools", head: t("colTools"), cell: (server) => <Counts server={server} /> },
        {
          id: "projects",
          head: t("colProjects"),
          cell: ({ attributes: { projectIds } }) =>
            projectIds === null ? t("every") : t("projects", { count: projectIds.length }),
        },
        {
          id: "asked",
          head: t("colAsked"),
          className: "num",
          cell: ({ attributes: { discovered } }) =>
            discovered === null ? (
              <span className="muted">{t("neverAsked")}</span>
            ) : (
              <Day at={discovered.at} />
            ),
        },
        {
          id: "actions",
          head: <span className="sr">{t("edit")}</span>,
          width: 52,
          right: true,
          cell: (server) => <Actions {...{ server, onOpen, onAct }} />,
        },
      ]}
    />
  );
}

function Name({ server, onOpen }: { server: McpServer; onOpen: (id: string) => void }) {
  return (
    <button type="button" className="link strong mono" onClick={() => onOpen(server.id)}>
      {server.attributes.name}
    </button>
  );
}

function State({ server: { attributes } }: { server: McpServer }) {
  const t = useTranslations("mcp");
  const { enabled } = attributes;
  return (
    <span className={`st ${enabled ? "active" : "inactive"}`}>
      <Icon of={enabled ? CircleCheck : CirclePause} small />
      {t(enabled ? "enabled" : "disabled")}
    </span>
  );
}

function Counts({ server: { attributes } }: { server: McpServer }) {
  const t = useTranslations("mcp");
  const { accepted, new: added, changed } = attributes.counts;
  const waiting = added + changed;
  return (
    <span className="num">
      {attributes.newTools === "accept" ? t("open") : t("accepted", { count: accepted })}
      {waiting === 0 ? null : (
        <>
          {" · "}
          <b className="strong">{t("pending", { count: waiting })}</b>
        </>
      )}
    </span>
  );
}

interface ActionsProps extends Omit<McpServerTableProps, "servers"> {
  readonly server: McpServer;
}

function Actions({ server, onOpen, onAct }: ActionsProps) {
  const t = useTranslations("mcp");
  const { name, enabled } = server.attributes;
  return (
    <Menu trigger={<IconButton tiny icon={Ellipsis} label={t("more", { name })} />}>
      <MenuItem icon={Wrench} onSelect={() => onOpen(server.id)}>
        {t("tools")}
      </MenuItem>
      {onAct === undefined ? null : (
        <>
          <MenuItem icon={Pencil} onSelect={() => onAct({ kind: "edit", server })}>
            {t("edit")}
          </MenuItem>
          <MenuItem icon={Power} onSelect={() => onAct({ kind: enabled ? "disable" : "enable", server })}>
            {t(enabled ? "disable" : "enable")}
          </MenuItem>
          <MenuLine />
          <MenuItem icon={Trash2} danger onSelect={() => onAct({ kind: "delete", server })}>
            {t("delete")}
          </MenuItem>
        </>
      )}
    </Menu>
  );
}
