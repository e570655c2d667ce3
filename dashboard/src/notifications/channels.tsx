import { useQuery } from "@tanstack/react-query";
import { CircleCheck, CirclePause, FlaskConical, Pencil, Plus, RotateCw, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { useMay } from "../shell/session.ts";
import { Button } from "../ui/button.tsx";
import { type DataColumn, DataTable } from "../ui/data-table.tsx";
import { Forbidden } from "../ui/forbidden.tsx";
import { Icon } from "../ui/icon.tsx";
import { Loaded } from "../ui/loaded.tsx";
import { MenuItem, MenuLine } from "../ui/menu.tsx";
import { Nothing } from "../ui/nothing.tsx";
import { RowMenu, RowMenuButton, useRowMenu } from "../ui/row-menu.tsx";
import { type Acting, ChannelAction } from "./channel-actions.tsx";
import { type Channel, channelsQuery } from "./queries.ts";

/** The ways by which the organization is told beside its dashboard. */
export function Channels() {
  return useMay("admin") ? <Admitted /> : <Forbidden needs="admin" />;
}

function Admitted() {
  const t = useTranslations("notifications");
  const query = useQuery(channelsQuery);
  const [acting, setActing] = useState<Acting | null>(null);
  const add = (
    <Button kind="primary" icon={Plus} onClick={() => setActing({ kind: "add" })}>
      {t("add")}
    </Button>
  );
  return (
    <>
      <Loaded query={query}>
        {(channels) =>
          channels.length === 0 ? (
            <Nothing title={t("noChannels")} text={t("noChannelsText")}>
              {add}
            </Nothing>
          ) : (
            <>
              <div className="mb-3 flex items-center">
                <span className="grow" />
                {add}
              </div>
              <ChannelTable channels={channels} onAct={setActing} />
            </>
          )
        }
      </Loaded>
      {acting === null ? null : <ChannelAction acting={acting} onClose={() => setActing(null)} />}
    </>
  );
}

interface ChannelTableProps {
  readonly channels: readonly Channel[];
  readonly onAct: (acting: Acting) => void;
}

function ChannelTable({ channels, onAct }: ChannelTableProps) {
  const t = useTranslations("notifications");
  const menu = useRowMenu<Channel>();
  const actions: DataColumn<Channel> = {
    id: "actions",
    head: <span className="sr">{t("edit")}</span>,
    width: 52,
    right: true,
    className: "c-acts",
    cell: (channel) => (
      <RowMenuButton handle={menu} row={channel} label={t("more", { name: channel.attributes.name })} />
    ),
  };
  return (
    <>
      <DataTable
        label={t("channels")}
        rows={channels}
        rowKey={({ id }) => id}
        columns={[...useFacts(), actions]}
      />
      <RowMenu handle={menu}>{(channel) => <Items channel={channel} onAct={onAct} />}</RowMenu>
    </>
  );
}

function Items({ channel, onAct }: { channel: Channel; onAct: (acting: Acting) => void }) {
  const t = useTranslations("notifications");
  return (
    <>
      <MenuItem icon={FlaskConical} onSelect={() => onAct({ kind: "test", channel })}>
        {t("test")}
      </MenuItem>
      <MenuItem icon={Pencil} onSelect={() => onAct({ kind: "edit", channel })}>
        {t("edit")}
      </MenuItem>
      {channel.attributes.kind !== "webhook" ? null : (
        <MenuItem icon={RotateCw} onSelect={() => onAct({ kind: "rotate", channel })}>
          {t("rotate")}
        </MenuItem>
      )}
      <MenuLine />
      <MenuItem icon={Trash2} danger onSelect={() => onAct({ kind: "delete", channel })}>
        {t("delete")}
      </MenuItem>
    </>
  );
}

function useFacts(): DataColumn<Channel>[] {
  const t = useTranslations("notifications");
  return [
    { id: "name", head: t("colName"), cell: ({ attributes }) => attributes.name },
    { id: "kind", head: t("colKind"), width: 110, cell: ({ attributes }) => t(`kind.${attributes.kind}`) },
    {
      id: "target",
      head: t("colTarget"),
      cell: ({ attributes: { url, recipients } }) => {
        const target = url ?? recipients.join(", ");
        return (
          <span className="cut" title={target}>
            {target}
          </span>
        );
      },
    },
    {
      id: "tells",
      head: t("colTells"),
      width: 110,
      cell: ({ attributes: { kinds } }) =>
        kinds === null ? t("everything") : t("some", { count: kinds.length }),
    },
    {
      id: "state",
      head: t("colState"),
      width: 80,
      cell: ({ attributes: { enabled } }) => (
        <span className={`st ${enabled ? "active" : "inactive"}`}>
          <Icon of={enabled ? CircleCheck : CirclePause} small />
          {enabled ? t("on") : t("off")}
        </span>
      ),
    },
  ];
}
