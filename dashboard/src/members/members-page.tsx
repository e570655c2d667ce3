/** `/members`: who is in the organization, with which role, and who is invited. */
import { includesRole } from "@claviger/shared/api/role-rank";
import { useQuery } from "@tanstack/react-query";
import { CircleCheck, CirclePause, CirclePlay, Pencil, UserMinus, UserPlus } from "lucide-react";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { type Member, membersQuery } from "../api/queries.ts";
import { PageHead } from "../shell/page-head.tsx";
import { useMay, useSession } from "../shell/session.ts";
import { Button } from "../ui/button.tsx";
import { type DataColumn, DataTable } from "../ui/data-table.tsx";
import { Icon } from "../ui/icon.tsx";
import { Loaded } from "../ui/loaded.tsx";
import { MenuItem, MenuLine } from "../ui/menu.tsx";
import { Day } from "../ui/now.tsx";
import { RowMenu, RowMenuButton, type RowMenuHandle, useRowMenu } from "../ui/row-menu.tsx";
import { type MemberActing, MemberAction } from "./actions.tsx";
import { Invitations } from "./invitations.tsx";
import { InviteDialog } from "./invite-dialog.tsx";

export function MembersPage() {
  const t = useTranslations("members");
  const { organizationName: organization } = useSession();
  const admin = useMay("admin");
  const query = useQuery(membersQuery);
  const [inviting, setInviting] = useState(false);
  const [acting, setActing] = useState<MemberActing | null>(null);
  const invite = (
    <Button kind="primary" icon={UserPlus} onClick={() => setInviting(true)}>
      {t("invite")}
    </Button>
  );
  return (
    <>
      <PageHead title={t("title")} lead={t("lead", { organization })} actions={admin ? invite : undefined} />
      <Loaded query={query}>{(members) => <MemberTable members={members} onAct={setActing} />}</Loaded>
      {admin ? <Invitations /> : null}
      {inviting ? <InviteDialog onClose={() => setInviting(false)} /> : null}
      {acting === null ? null : (
        <MemberAction acting={acting} members={query.data ?? []} onClose={() => setActing(null)} />
      )}
    </>
  );
}

interface TableProps {
  readonly members: readonly Member[];
  readonly onAct: (acting: MemberActing) => void;
}

function MemberTable({ members, onAct }: TableProps) {
  const t = useTranslations("members");
  const menu = useRowMenu<Member>();
  const facts = useFacts();
  const actions: DataColumn<Member> = {
    id: "actions",
    head: <span className="sr">{t("edit")}</span>,
    width: 52,
    right: true,
    cell: (member) => <MemberMenuButton member={member} menu={menu} />,
  };
  return (
    <>
      <DataTable label={t("title")} rows={members} rowKey={({ id }) => id} columns={[...facts, actions]} />
      <RowMenu handle={menu}>{(member) => <MemberItems member={member} onAct={onAct} />}</RowMenu>
    </>
  );
}

function useFacts(): DataColumn<Member>[] {
  const t = useTranslations("members");
  const shell = useTranslations("shell");
  const { memberId } = useSession();
  return [
    {
      id: "name",
      head: t("colName"),
      cell: ({ id, attributes: { name } }) => (
        <span className="flex min-w-0 items-center gap-2">
          <span className="cut" title={name}>
            {name}
          </span>
          {id === memberId ? <span className="tag flat">{t("you")}</span> : null}
        </span>
      ),
    },
    {
      id: "email",
      head: t("colEmail"),
      className: "wide",
      cell: ({ attributes: { email } }) => (
        <span className="cut" title={email}>
          {email}
        </span>
      ),
    },
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
      cell: ({ attributes }) => <MemberState enabled={attributes.enabled} />,
    },
    {
      id: "joined",
      head: t("colJoined"),
      width: 110,
      className: "num",
      cell: ({ attributes }) => <Day at={attributes.createdAt} />,
    },
  ];
}

function MemberState({ enabled }: { enabled: boolean }) {
  const t = useTranslations("members");
  return (
    <span className={`st ${enabled ? "active" : "inactive"}`}>
      <Icon of={enabled ? CircleCheck : CirclePause} small />
      {enabled ? t("enabled") : t("disabled")}
    </span>
  );
}

/** What the signed-in member may do with this one. */
function useRights({ id, attributes: { role } }: Member) {
  const { memberId, role: mine } = useSession();
  const admin = useMay("admin");
  const over = admin && (role !== "owner" || includesRole(mine, "owner"));
  return { edit: over || id === memberId, end: over && id !== memberId };
}

function MemberMenuButton({ member, menu }: { member: Member; menu: RowMenuHandle<Member> }) {
  const t = useTranslations("members");
  const rights = useRights(member);
  if (!rights.edit) return null;
  return <RowMenuButton handle={menu} row={member} label={t("more", { name: member.attributes.name })} />;
}

function MemberItems({ member, onAct }: { member: Member; onAct: (acting: MemberActing) => void }) {
  const t = useTranslations("members");
  const rights = useRights(member);
  const { enabled } = member.attributes;
  return (
    <>
      <MenuItem icon={Pencil} onSelect={() => onAct({ kind: "edit", member })}>
        {t("edit")}
      </MenuItem>
      {rights.end ? (
        <>
          <MenuLine />
          <MenuItem
            icon={enabled ? CirclePause : CirclePlay}
            onSelect={() => onAct({ kind: enabled ? "disable" : "enable", member })}
          >
            {enabled ? t("disable") : t("enable")}
          </MenuItem>
          <MenuItem icon={UserMinus} danger onSelect={() => onAct({ kind: "remove", member })}>
            {t("remove")}
          </MenuItem>
        </>
      ) : null}
    </>
  );
}
