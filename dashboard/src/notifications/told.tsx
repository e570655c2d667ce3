import type { NotificationKind } from "@claviger/shared/api/notification";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import {
  CircleCheck,
  ClockAlert,
  FlaskConical,
  type LucideIcon,
  MapPinOff,
  TriangleAlert,
  Unplug,
  Wallet,
} from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslations } from "use-intl";
import { ask } from "../api/client.ts";
import { DataTable } from "../ui/data-table.tsx";
import { Icon } from "../ui/icon.tsx";
import { Loaded } from "../ui/loaded.tsx";
import { Nothing } from "../ui/nothing.tsx";
import { LastUsed } from "../ui/now.tsx";
import { type Notification, toldQuery } from "./queries.ts";

const looks: Record<NotificationKind, readonly [tone: string, icon: LucideIcon]> = {
  "budget.threshold": ["degraded", Wallet],
  "key.expiring": ["expired", ClockAlert],
  "gateway.offline": ["down", Unplug],
  "gateway.back": ["healthy", CircleCheck],
  "key.unfamiliar-network": ["degraded", MapPinOff],
  "errors.spike": ["down", TriangleAlert],
  test: ["never", FlaskConical],
};

/** What the organization was told, newest first. Whoever has it before them has seen it. */
export function Told() {
  const t = useTranslations("notifications");
  const query = useQuery(toldQuery);
  const client = useQueryClient();
  const newest = query.data?.data[0];
  /** What was new when the page was opened stays marked while it is open. */
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => {
    const unseen = query.data?.data.filter(({ attributes }) => !attributes.seen).map(({ id }) => id) ?? [];
    if (unseen.length === 0 || newest === undefined) return;
    setFresh((before) => new Set([...before, ...unseen]));
    ask("POST", "/notifications/seen", { body: { upTo: newest.id } }).then(
      () => client.invalidateQueries({ queryKey: toldQuery.queryKey }),
      // It stays new, and is tried again with the next answer.
      () => undefined,
    );
  }, [query.data, newest, client]);
  return (
    <Loaded query={query}>
      {({ data }) =>
        data.length === 0 ? (
          <Nothing title={t("nothingTold")} text={t("nothingToldText")} />
        ) : (
          <ToldTable rows={data} fresh={fresh} />
        )
      }
    </Loaded>
  );
}

function ToldTable({ rows, fresh }: { rows: readonly Notification[]; fresh: ReadonlySet<string> }) {
  const t = useTranslations("notifications");
  return (
    <DataTable
      label={t("told")}
      rows={rows}
      rowKey={({ id }) => id}
      columns={[
        {
          id: "what",
          head: t("colWhat"),
          cell: ({ id, attributes: { kind, title, text } }) => (
            <div className="whitespace-normal py-1.5">
              <span className={`st ${looks[kind][0]} whitespace-normal!`}>
                <Icon of={looks[kind][1]} small />
                {title}
                {fresh.has(id) ? <span className="chip">{t("fresh")}</span> : null}
              </span>
              <p className="soft font-normal">{text}</p>
            </div>
          ),
        },
        {
          id: "when",
          head: t("colWhen"),
          width: 110,
          className: "num",
          cell: ({ attributes: { at } }) => <LastUsed at={at} />,
        },
      ]}
    />
  );
}
