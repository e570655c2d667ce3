import { useQuery, useQueryClient } from "@tanstack/react-query";
import { CircleDashed, ClockAlert, Trash2, TriangleAlert } from "lucide-react";
import { useTranslations } from "use-intl";
import { useChange } from "../changes/use-change.ts";
import { IconButton } from "../ui/button.tsx";
import { type DataColumn, DataTable } from "../ui/data-table.tsx";
import { Icon } from "../ui/icon.tsx";
import { Expiry } from "../ui/now.tsx";
import { Problem } from "../ui/problem.tsx";
import { type Invitation, invitationsQuery } from "./queries.ts";

/** Who was invited and has not come yet; nothing when there is nobody. */
export function Invitations() {
  const t = useTranslations("members");
  const client = useQueryClient();
  const { data = [], error } = useQuery(invitationsQuery);
  const { error: refused, change } = useChange();
  const facts = useFacts();
  const withdraw = async ({ id }: Invitation) => {
    await change("DELETE", `/invitations/${id}`);
    await client.invalidateQueries({ queryKey: invitationsQuery.queryKey });
  };
  const actions: DataColumn<Invitation> = {
    id: "actions",
    head: <span className="sr">{t("remove")}</span>,
    width: 52,
    right: true,
    cell: (invitation) => (
      <IconButton
        tiny
        icon={Trash2}
        label={t("withdraw", { email: invitation.attributes.email })}
        onClick={() => void withdraw(invitation)}
      />
    ),
  };
  if (error !== null) return <Problem error={error} />;
  if (data.length === 0) return null;
  return (
    <>
      <div className="h-row mt-6">
        <h2>{t("invitations")}</h2>
      </div>
      {refused === null ? null : <Problem error={refused} />}
      <DataTable label={t("invitations")} rows={data} rowKey={({ id }) => id} columns={[...facts, actions]} />
    </>
  );
}

const looks = {
  open: { icon: CircleDashed, tone: "never" },
  expired: { icon: ClockAlert, tone: "expired" },
  void: { icon: TriangleAlert, tone: "expired" },
} as const;

function useFacts(): DataColumn<Invitation>[] {
  const t = useTranslations("members");
  const shell = useTranslations("shell");
  return [
    {
      id: "email",
      head: t("colEmail"),
      cell: ({ attributes: { email } }) => (
        <span className="cut" title={email}>
          {email}
        </span>
      ),
    },
    { id: "by", head: t("colInvitedBy"), cell: ({ attributes }) => attributes.invitedBy },
    {
      id: "role",
      head: t("colRole"),
      width: 110,
      cell: ({ attributes }) => shell(`role.${attributes.role}`),
    },
    {
      id: "state",
      head: t("colState"),
      width: 120,
      cell: ({ attributes: { status } }) => (
        <span className={`st ${looks[status].tone}`} title={status === "void" ? t("voidTitle") : undefined}>
          <Icon of={looks[status].icon} small />
          {t(status)}
        </span>
      ),
    },
    {
      id: "ends",
      head: t("colEnds"),
      width: 110,
      className: "num",
      cell: ({ attributes }) => <Expiry at={attributes.expiresAt} />,
    },
  ];
}
