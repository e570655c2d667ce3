import { useQuery, useQueryClient } from "@tanstack/react-query";
import { CircleCheck, CircleDashed, RotateCw, TriangleAlert } from "lucide-react";
import { useTranslations } from "use-intl";
import { useChange } from "../changes/use-change.ts";
import { useMay } from "../shell/session.ts";
import { IconButton } from "../ui/button.tsx";
import { type DataColumn, DataTable } from "../ui/data-table.tsx";
import { Forbidden } from "../ui/forbidden.tsx";
import { Icon } from "../ui/icon.tsx";
import { Loaded } from "../ui/loaded.tsx";
import { Nothing } from "../ui/nothing.tsx";
import { Expiry, LastUsed } from "../ui/now.tsx";
import { Problem } from "../ui/problem.tsx";
import { channelsQuery, type Delivery, deliveriesQuery } from "./queries.ts";

/** What went by which channel, and how. */
export function Deliveries() {
  return useMay("admin") ? <Admitted /> : <Forbidden needs="admin" />;
}

function Admitted() {
  const t = useTranslations("notifications");
  const query = useQuery(deliveriesQuery);
  const client = useQueryClient();
  const { error, change } = useChange();
  const facts = useFacts();
  const retry = async ({ id }: Delivery) => {
    await change("POST", `/notification-deliveries/${id}/retry`);
    await client.invalidateQueries({ queryKey: deliveriesQuery.queryKey });
  };
  const actions: DataColumn<Delivery> = {
    id: "actions",
    head: <span className="sr">{t("colState")}</span>,
    width: 52,
    right: true,
    className: "c-acts",
    cell: (delivery) =>
      delivery.attributes.status !== "failed" ? null : (
        <IconButton
          tiny
          icon={RotateCw}
          label={t("retry", { title: delivery.attributes.title })}
          onClick={() => void retry(delivery)}
        />
      ),
  };
  return (
    <>
      {error === null ? null : <Problem error={error} />}
      <Loaded query={query}>
        {(rows) =>
          rows.length === 0 ? (
            <Nothing title={t("noDeliveries")} text={t("noDeliveriesText")} />
          ) : (
            <DataTable
              label={t("deliveries")}
              rows={rows}
              rowKey={({ id }) => id}
              columns={[...facts, actions]}
              footer={<p className="muted px-4 py-2">{t("kept")}</p>}
            />
          )
        }
      </Loaded>
    </>
  );
}

const looks = {
  pending: { tone: "waiting", icon: CircleDashed },
  delivered: { tone: "confirmed", icon: CircleCheck },
  failed: { tone: "down", icon: TriangleAlert },
} as const;

function useFacts(): DataColumn<Delivery>[] {
  const t = useTranslations("notifications");
  const { data: channels = [] } = useQuery(channelsQuery);
  const nameOf = (id: string) => channels.find((one) => one.id === id)?.attributes.name;
  return [
    { id: "what", head: t("colWhat"), cell: ({ attributes }) => <Cut text={attributes.title} /> },
    {
      id: "channel",
      head: t("colChannel"),
      width: 160,
      cell: ({ attributes: { channelId } }) =>
        nameOf(channelId) ?? <span className="muted">{t("gone")}</span>,
    },
    {
      id: "state",
      head: t("colState"),
      width: 120,
      cell: ({ attributes: { status } }) => (
        <span className={`st ${looks[status].tone}`}>
          <Icon of={looks[status].icon} small />
          {t(status)}
        </span>
      ),
    },
    ...useProgress(),
  ];
}

function useProgress(): DataColumn<Delivery>[] {
  const t = useTranslations("notifications");
  const ui = useTranslations("ui");
  const none = <span className="muted">{ui("none")}</span>;
  return [
    {
      id: "answer",
      head: t("colAnswer"),
      width: 180,
      cell: ({ attributes: { answer } }) => (answer === null ? none : <Cut text={answer} />),
    },
    {
      ...{ id: "attempts", head: t("colAttempts"), width: 90, right: true, className: "num" },
      cell: ({ attributes }) => attributes.attempts,
    },
    {
      ...{ id: "next", head: t("colNext"), width: 120, className: "num" },
      cell: ({ attributes: { nextAttemptAt: at } }) => (at === null ? none : <Expiry at={at} />),
    },
    {
      ...{ id: "when", head: t("colWhen"), width: 100, className: "num" },
      cell: ({ attributes }) => <LastUsed at={attributes.createdAt} />,
    },
  ];
}

function Cut({ text }: { text: string }) {
  return (
    <span className="cut" title={text}>
      {text}
    </span>
  );
}
