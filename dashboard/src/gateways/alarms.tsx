/** What an administrator has to know although nobody asked: alarms of gateways, and what a database has lost. */
import type { GatewayAlarm } from "@claviger/shared/api/gateway";
import type { StatusView } from "@claviger/shared/api/status";
import { useQuery } from "@tanstack/react-query";
import { DatabaseZap, type LucideIcon, ShieldAlert } from "lucide-react";
import { useTranslations } from "use-intl";
import { type Gateway, statusQuery } from "../api/queries.ts";
import { Icon } from "../ui/icon.tsx";
import { dayAndClock, localAndUtc } from "../words/format.ts";

/** Nothing at all while there is nothing to say. */
export function Alarms({ fleet }: { fleet: readonly Gateway[] }) {
  const t = useTranslations("gateways");
  const status = useQuery(statusQuery).data?.attributes;
  const raised = fleet.flatMap((gateway) => gateway.attributes.alarms.map((alarm) => ({ gateway, alarm })));
  const losses = status === undefined ? 0 : status.voidConfirmations.length + status.usageGaps.length;
  if (raised.length + losses === 0) return null;
  return (
    <section className="alarms" aria-label={t("alarms")}>
      {raised.map(({ gateway, alarm }) => (
        <Raised key={`${gateway.id} ${alarm.code} ${alarm.replica} ${alarm.slot}`} {...{ gateway, alarm }} />
      ))}
      {status === undefined ? null : <Losses status={status} />}
    </section>
  );
}

function Raised({ gateway, alarm }: { gateway: Gateway; alarm: GatewayAlarm }) {
  const t = useTranslations("gateways");
  const { name, replicas } = gateway.attributes;
  const { code, slot, count, firstAt, lastAt } = alarm;
  const place = code === "enrolment_used" || replicas.length < 2 ? name : `${name} / ${slot}`;
  return (
    <Note
      icon={ShieldAlert}
      tone="danger"
      title={t(`alarm_${code}`, { place })}
      text={t(`alarmStep_${code}`)}
    >
      {count === 1
        ? t.rich("alarmOnce", { at: () => <Moment at={lastAt} /> })
        : t.rich("alarmTimes", {
            count,
            first: () => <Moment at={firstAt} />,
            last: () => <Moment at={lastAt} />,
          })}
    </Note>
  );
}

function Losses({ status: { voidConfirmations, usageGaps } }: { status: StatusView }) {
  const t = useTranslations("gateways");
  return (
    <>
      {voidConfirmations.map(({ since, until, proved }) => (
        <Note
          key={`void ${until}`}
          icon={DatabaseZap}
          tone={proved ? "danger" : "warning"}
          title={t(proved ? "voidProved" : "voidPossible")}
          text={t("voidStep")}
        >
          {since === null
            ? t.rich("voidUntil", { until: () => <Moment at={until} /> })
            : t.rich("voidBetween", {
                since: () => <Moment at={since} />,
                until: () => <Moment at={until} />,
              })}
        </Note>
      ))}
      {usageGaps.map(({ noticedAt, events }) => (
        <Note
          key={`gap ${noticedAt}`}
          icon={DatabaseZap}
          tone="warning"
          title={t("usageGap", { events })}
          text={t("usageGapStep")}
        >
          {t.rich("usageGapAt", { at: () => <Moment at={noticedAt} /> })}
        </Note>
      ))}
    </>
  );
}

interface NoteProps {
  readonly icon: LucideIcon;
  readonly tone: "danger" | "warning";
  readonly title: string;
  /** What to do. */
  readonly text: string;
  /** When it was. */
  readonly children: React.ReactNode;
}

function Note({ icon, tone, title, text, children }: NoteProps) {
  return (
    <div className={`banner ${tone}`}>
      <Icon of={icon} />
      <div className="min-w-0 flex-1">
        <p className="strong">{title}</p>
        <p className="soft">{text}</p>
        <p className="soft num">{children}</p>
      </div>
    </div>
  );
}

function Moment({ at }: { at: string }) {
  return (
    <time dateTime={at} title={localAndUtc(at)}>
      {dayAndClock(at)}
    </time>
  );
}
