/** The control plane from outside: is it there, is it one, what does it say of itself, and whose clock is right. */
import type { StatusView } from "@claviger/shared/api/status";
import { error, type Finding, fine, warning, whyOf } from "./finding.ts";
import { ask, checkTls, type Heard } from "./http.ts";

/** A difference that nobody notices, in milliseconds; `Date` has whole seconds. */
const CLOCK_MS_MAX = 5_000;
const ABOUT = "control plane";

/** Findings, and whether it can be asked for more. */
export async function checkControlPlane(
  url: string,
  now: () => Date,
): Promise<{ findings: Finding[]; there: boolean }> {
  const tls = await checkTls("TLS", url, now());
  if (tls.some(({ level }) => level === "error") && url.startsWith("https:"))
    return { findings: tls, there: false };
  let heard: Heard;
  let ready: Heard;
  const sinceMs = now().getTime();
  let untilMs: number;
  try {
    heard = await ask(`${url}/api/v1/status`);
    untilMs = now().getTime();
    ready = await ask(`${url}/readyz`);
  } catch (thrown) {
    const mend = "start the control plane, or name the right address: --url or CLAVIGER_CONTROL_PLANE_URL";
    return {
      findings: [...tls, error(ABOUT, `${url} does not answer (${whyOf(thrown)})`, mend)],
      there: false,
    };
  }
  const status = statusOf(heard);
  if (ready.status === 503 && status === undefined) {
    return { findings: [...tls, databaseAway(url)], there: false };
  }
  if (status === undefined) return { findings: [...tls, notOne(url, heard)], there: false };
  const findings = [
    ...tls,
    fine(ABOUT, `answers at ${url}`),
    ready.status === 200 ? fine("database", "answers the control plane") : databaseAway(url),
    ...judgeStatus(status),
    judgeClock(heard, sinceMs, untilMs),
  ];
  return { findings, there: true };
}

const databaseAway = (url: string) =>
  error(
    "database",
    `PostgreSQL does not answer the control plane at ${url}`,
    "start PostgreSQL, or mend DATABASE_URL of the control plane; run the doctor there with its environment",
  );

function notOne(url: string, { headers, status }: Heard): Finding {
  const gateway = headers.get("x-claviger-gateway");
  const what =
    gateway === null ? `something else answers there (${status})` : `that is the gateway ${gateway}`;
  return error(
    ABOUT,
    `${url} is no control plane: ${what}`,
    "name the control plane's address: --url or CLAVIGER_CONTROL_PLANE_URL",
  );
}

function statusOf({ json }: Heard): StatusView | undefined {
  const { data } = (json ?? {}) as { data?: { type?: string; attributes?: StatusView } };
  return data?.type === "status" ? data.attributes : undefined;
}

function judgeStatus({ bus, database, voidConfirmations, usageGaps }: StatusView): Finding[] {
  return [
    bus.connected
      ? fine("bus", "the control plane is connected to NATS")
      : error(
          "bus",
          "the control plane is not connected to NATS: changes go over HTTPS",
          "start nats-server with the nats.conf of `claviger nats init`, and check NATS_URL of the control plane",
        ),
    database.synchronousReplication
      ? fine("failover", "a standby has every confirmed change")
      : warning(
          "failover",
          "no synchronous standby: a database failover may lose the newest changes",
          "set up a standby and synchronous_standby_names (docs/operations)",
        ),
    ...(voidConfirmations.length === 0
      ? []
      : [
          warning(
            "history",
            `the database lost confirmed changes until ${voidConfirmations[0]?.until}`,
            "look again at what was changed in that time, and make lost keys anew",
          ),
        ]),
    ...(usageGaps.length === 0
      ? []
      : [
          warning(
            "history",
            "usage was lost with a database",
            "compare with the providers' bills for that time",
          ),
        ]),
  ];
}

/** The answer's `Date` must lie between asking and hearing, give or take what a second hides. */
function judgeClock({ headers }: Heard, sinceMs: number, untilMs: number): Finding {
  const theirsMs = Date.parse(headers.get("date") ?? "");
  if (Number.isNaN(theirsMs))
    return warning("clock", "the control plane's answer has no Date", "let the proxy before it pass Date on");
  const aheadMs = theirsMs < sinceMs ? sinceMs - theirsMs : theirsMs > untilMs ? untilMs - theirsMs : 0;
  if (Math.abs(aheadMs) <= CLOCK_MS_MAX) return fine("clock", "this machine's and the control plane's agree");
  const seconds = Math.round(Math.abs(aheadMs) / 1000);
  const side = aheadMs > 0 ? "ahead of" : "behind";
  return error(
    "clock",
    `this machine's clock is ${seconds} s ${side} the control plane's`,
    "let NTP set the clocks (timedatectl set-ntp true), here and there",
  );
}
