import { useQuery, useQueryClient } from "@tanstack/react-query";
import { LogOut } from "lucide-react";
import { useTranslations } from "use-intl";
import { type Session, sessionsQuery } from "../api/queries.ts";
import { useChange } from "../changes/use-change.ts";
import { useSignOut } from "../shell/sign-out.ts";
import { IconButton } from "../ui/button.tsx";
import { type DataColumn, DataTable } from "../ui/data-table.tsx";
import { Loaded } from "../ui/loaded.tsx";
import { Day, LastUsed } from "../ui/now.tsx";
import { Problem } from "../ui/problem.tsx";
import { deviceOf } from "./device.ts";

/** Where one is signed in; each place can be signed out from here. */
export function Sessions() {
  const t = useTranslations("settings");
  const query = useQuery(sessionsQuery);
  const client = useQueryClient();
  const signOut = useSignOut();
  const { error, change } = useChange();
  const end = async ({ id, attributes }: Session) => {
    if (attributes.current) return signOut();
    await change("DELETE", `/sessions/${id}`);
    await client.invalidateQueries({ queryKey: sessionsQuery.queryKey });
  };
  const facts = useFacts();
  const actions: DataColumn<Session> = {
    id: "actions",
    head: <span className="sr">{t("endShort")}</span>,
    width: 52,
    right: true,
    cell: (session) => (
      <IconButton
        tiny
        icon={LogOut}
        label={t("end", { device: deviceOf(session.attributes.userAgent) ?? t("unknownDevice") })}
        onClick={() => void end(session)}
      />
    ),
  };
  return (
    <>
      {error === null ? null : <Problem error={error} />}
      <Loaded query={query}>
        {(sessions) => (
          <DataTable
            label={t("sessions")}
            rows={sessions}
            rowKey={({ id }) => id}
            columns={[...facts, actions]}
          />
        )}
      </Loaded>
    </>
  );
}

function useFacts(): DataColumn<Session>[] {
  const t = useTranslations("settings");
  return [
    {
      id: "device",
      head: t("colDevice"),
      cell: ({ attributes: { userAgent, current } }) => (
        <span title={userAgent ?? undefined}>
          {deviceOf(userAgent) ?? t("unknownDevice")}{" "}
          {current ? <span className="tag flat">{t("current")}</span> : null}
        </span>
      ),
    },
    {
      id: "from",
      head: t("colFrom"),
      cell: ({ attributes }) => <span className="mono">{attributes.peer}</span>,
    },
    {
      id: "since",
      head: t("colSince"),
      width: 120,
      className: "num",
      cell: ({ attributes }) => <Day at={attributes.createdAt} />,
    },
    {
      id: "used",
      head: t("colUsed"),
      width: 120,
      className: "num",
      cell: ({ attributes }) => <LastUsed at={attributes.lastUsedAt} />,
    },
    {
      id: "ends",
      head: t("colEnds"),
      width: 120,
      className: "num",
      cell: ({ attributes }) => <Day at={attributes.expiresAt} />,
    },
  ];
}
