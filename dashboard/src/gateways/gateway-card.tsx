import { Check, Wrench } from "lucide-react";
import { useTranslations } from "use-intl";
import { holds } from "../api/fleet.ts";
import type { Gateway } from "../api/queries.ts";
import { Icon } from "../ui/icon.tsx";
import { useNow } from "../ui/now.tsx";
import { FleetStatus } from "../ui/status.tsx";
import { clock, dayAndClock, localAndUtc, offset, revisionNumber, span, versionOf } from "../words/format.ts";
import { samplesOf } from "./history.ts";
import { Spark } from "./spark.tsx";

export interface GatewayCardProps {
  readonly gateway: Gateway;
  readonly fleetVersion: string | null;
  /** When the fleet was last asked. */
  readonly atMs: number;
}

const tones = {
  ...{ online: "healthy", asleep: "healthy", degraded: "degraded" },
  ...{ down: "down", pending: "blank" },
} as const;

export function GatewayCard({ gateway, fleetVersion, atMs }: GatewayCardProps) {
  const t = useTranslations("gateways");
  const { name, region, runtime, status } = gateway.attributes;
  const pending = status === "pending";
  const step = useStep(gateway, fleetVersion);
  const tone = status === "online" && step.warns ? "degraded" : tones[status];
  return (
    <article className={`panel gcard ${tone}`} aria-label={name}>
      <header>
        <b>{name}</b>
        <FleetStatus status={status} />
      </header>
      <p className="where">
        {runtime === null ? region : t("place", { region, runtime: runtime === "node" ? "Node" : "Workers" })}
      </p>
      {pending ? null : <Spark values={samplesOf(gateway, atMs)} label={t("requestsSince")} />}
      {pending ? <p className="blank-note soft">{t("pendingStep")}</p> : <Figures gateway={gateway} />}
      <p className="next">
        {pending ? null : (
          <>
            <Icon of={step.warns ? Wrench : Check} />
            <span>{step.words}</span>
          </>
        )}
      </p>
    </article>
  );
}

function Figures({ gateway: { attributes } }: { gateway: Gateway }) {
  const t = useTranslations("gateways");
  const now = useNow();
  const { status, requestsPerSecond, revision, revisionWanted, lastHeartbeatAt } = attributes;
  const { clockOffsetMs, clockErrorMs } = attributes;
  const behind = !holds(revision, revisionWanted);
  return (
    <dl>
      <dt>{t("requests")}</dt>
      <dd className="num strong">
        {status === "down" ? "–" : requestsPerSecond.toFixed(requestsPerSecond < 10 ? 1 : 0)}
      </dd>
      <dt>{t("revisionOf", { revision: revisionNumber(revisionWanted) })}</dt>
      <dd className={`num ${behind ? "soon" : "strong"}`}>{revisionNumber(revision)}</dd>
      <dt>{t("heartbeat")}</dt>
      <dd
        className={`num ${status === "online" || status === "asleep" ? "strong" : "soon"}`}
        title={lastHeartbeatAt === null ? undefined : localAndUtc(lastHeartbeatAt)}
      >
        {lastHeartbeatAt === null
          ? t("noHeartbeat")
          : t("ago", { span: span(now - Date.parse(lastHeartbeatAt)) })}
      </dd>
      <dt>{t("clock")}</dt>
      <dd className="num strong">{offset(clockOffsetMs, clockErrorMs)}</dd>
    </dl>
  );
}

/** What to do about a gateway, in its state. */
function useStep({ attributes }: Gateway, fleetVersion: string | null): { warns: boolean; words: string } {
  const t = useTranslations("gateways");
  const { status, revision, revisionWanted, lastHeartbeatAt, version, replicas, drainingSince } = attributes;
  if (status === "down") {
    return {
      warns: true,
      words: t("downStep", { at: lastHeartbeatAt === null ? "–" : clock(lastHeartbeatAt) }),
    };
  }
  if (drainingSince !== null) {
    const running = replicas.reduce((sum, { inflight }) => sum + inflight, 0);
    return { warns: true, words: t("drainingStep", { at: dayAndClock(drainingSince), running }) };
  }
  if (status === "asleep") return { warns: false, words: t("asleepStep") };
  if (status === "degraded") return { warns: true, words: t("degradedStep") };
  const refused = replicas.find(({ problem }) => problem !== null)?.problem;
  if (refused) return { warns: true, words: t("refusedState", { detail: refused.detail }) };
  if (version !== null && fleetVersion !== null && version !== fleetVersion) {
    return { warns: true, words: t("skew", { version: versionOf(version), fleet: versionOf(fleetVersion) }) };
  }
  if (!holds(revision, revisionWanted)) return { warns: false, words: t("behind") };
  return { warns: false, words: t("nothingToDo") };
}
