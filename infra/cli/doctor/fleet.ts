/** The fleet as a member sees it: gateways, their clocks and addresses, and whether there is anything to call. */
import type { GatewayAlarm, GatewayView, ReplicaView } from "@claviger/shared/api/gateway";
import type { Api } from "../api.ts";
import { CommandError, exitCodes } from "../command.ts";
import { error, type Finding, fine, warning, whyOf } from "./finding.ts";
import { ask, checkTls } from "./http.ts";

/** Past this a gateway does not serve after a restart alone (docs/failure-modes.md, Clocks). */
const CLOCK_MS_MAX = 30_000;
const CLOCK_MS_WORTH_A_WORD = 2_000;

/** Everything that needs to be signed in. */
export async function checkFleet(api: Api, now: Date, options: { providers: boolean }): Promise<Finding[]> {
  let gateways: readonly { id: string; attributes: GatewayView }[];
  try {
    const { data } = (await api.call("GET", "/gateways")).document;
    gateways = data as unknown as typeof gateways;
  } catch (thrown) {
    if (!(thrown instanceof CommandError)) throw thrown;
    if (thrown.exitCode !== exitCodes.notAllowed)
      return [error("sign-in", thrown.message, "see what the control plane logs")];
    const mend = 'sign in again: "claviger login", or set CLAVIGER_TOKEN to a token that holds';
    return [error("sign-in", `the control plane does not take the token: ${thrown.message}`, mend)];
  }
  const findings = [fine("sign-in", "the token holds")];
  if (gateways.length === 0) {
    findings.push(
      warning(
        "gateways",
        "no gateway is attached",
        '"claviger gateways enrol NAME --region REGION", then start one',
      ),
    );
  }
  for (const { attributes } of gateways) findings.push(...(await checkGateway(attributes, now)));
  return [...findings, ...(await checkProviders(api, options.providers))];
}

async function checkGateway(gateway: GatewayView, now: Date): Promise<Finding[]> {
  const about = `gateway ${gateway.name}`;
  const findings = [
    ...gateway.replicas.flatMap((replica) => checkReplica(about, replica)),
    ...checkClock(about, gateway),
    ...gateway.alarms.map((alarm) => ofAlarm(about, alarm)),
    ...(gateway.replicas.length === 0
      ? [warning(about, "no replica has enrolled", "start it with its enrolment token, or detach it")]
      : []),
    ...(gateway.drainingSince === null
      ? []
      : [
          warning(
            about,
            `drains since ${gateway.drainingSince}`,
            `"claviger gateways resume ${gateway.name}" when it is to serve`,
          ),
        ]),
  ];
  // Of a gateway that is away its address says nothing new.
  if (gateway.status !== "down" && gateway.status !== "pending")
    findings.push(...(await checkAddress(about, gateway, now)));
  return findings.length === 0 ? [fine(about, "serves what it should")] : findings;
}

function checkReplica(
  about: string,
  { slot, status, revision, revisionWanted, problem, lastHeartbeatAt }: ReplicaView,
): Finding[] {
  if (status === "pending")
    return [warning(about, `replica ${slot} has enrolled and never spoke`, "look at its log; start it")];
  if (status === "down") {
    const mend =
      "start it, and let it reach the control plane; its log says what it lacks. Gone for good: detach it";
    return [error(about, `replica ${slot} was last heard at ${lastHeartbeatAt}`, mend)];
  }
  if (problem !== null) {
    const mend = "update the gateway; what it cannot read it refuses";
    return [error(about, `replica ${slot} cannot take the state: ${problem.detail} (${problem.code})`, mend)];
  }
  if (status === "degraded") {
    const mend = "look at its log and at the network between it and the control plane";
    return [warning(about, `replica ${slot} holds ${revision ?? "nothing"} of ${revisionWanted}`, mend)];
  }
  return [];
}

function checkClock(about: string, { clockOffsetMs, clockErrorMs }: GatewayView): Finding[] {
  if (clockOffsetMs === null || Math.abs(clockOffsetMs) <= CLOCK_MS_WORTH_A_WORD) return [];
  const side = clockOffsetMs > 0 ? "ahead of" : "behind";
  const said = `its clock is ${Math.abs(clockOffsetMs)} ms ${side} the control plane's (± ${clockErrorMs} ms)`;
  const mend = "let NTP set its clock: past 30 s it does not serve after a restart alone";
  return [Math.abs(clockOffsetMs) > CLOCK_MS_MAX ? error(about, said, mend) : warning(about, said, mend)];
}

const alarmMends: Readonly<Record<GatewayAlarm["code"], readonly [string, string]>> = {
  enrolment_used: [
    "an enrolment token was used more often than it allows",
    "find out who else has the token; make a new one",
  ],
  replica_conflict: [
    "two processes claim to be one replica",
    "stop one of them; a copied folder: claviger gateway reset",
  ],
  state_damaged: ["it started with damaged state", "look at its disk; it is whole again once it was heard"],
};

function ofAlarm(about: string, { code, slot, lastAt }: GatewayAlarm): Finding {
  const [said, mend] = alarmMends[code];
  return warning(about, `${said} (slot ${slot}, last at ${lastAt})`, mend);
}

/** Whether callers reach it where it says that it is, and whether it is the one that answers there. */
async function checkAddress(about: string, { name, publicUrl }: GatewayView, now: Date): Promise<Finding[]> {
  const mend = `set CLAVIGER_PUBLIC_URL of ${name} to where callers reach it, restart it, and open the way there`;
  if (publicUrl === null) return [warning(about, "it does not say where callers reach it", mend)];
  const tls = await checkTls(about, publicUrl, now);
  if (tls.some(({ level }) => level === "error")) return tls.filter(({ level }) => level === "error");
  try {
    const { headers, status } = await ask(`${publicUrl.replace(/\/$/, "")}/readyz`);
    const answers = headers.get("x-claviger-gateway");
    if (answers !== name)
      return [error(about, `at ${publicUrl} answers ${answers ?? "something else"}`, mend)];
    if (status === 200) return tls.filter(({ level }) => level !== "ok");
    return [
      error(about, `it is not ready (${status})`, "let it reach the control plane; its /readyz says why"),
    ];
  } catch (thrown) {
    return [error(about, `nobody answers at its public address ${publicUrl} (${whyOf(thrown)})`, mend)];
  }
}

interface LlmTest {
  readonly outcome: string;
  readonly gateways: readonly { readonly name: string; readonly outcome: string }[];
}

const outcomeMends: Readonly<Record<string, string>> = {
  auth_failed: 'give it a credential that holds: "claviger llm-keys rotate"',
  blocked: "add host:port to CLAVIGER_EGRESS_ALLOW of that gateway, or use a public address",
  unreachable: "mend the base URL, or the way from that gateway to the provider",
  unexpected_answer: "check the base URL: something answers there that is not this provider",
  not_held: "wait until the gateway has it; see the gateway's own findings",
  no_answer: "see the gateway's own findings",
};

async function checkProviders(api: Api, asked: boolean): Promise<Finding[]> {
  const keys = await api.list("/llm-api-keys");
  if (keys.length === 0) {
    return [
      warning(
        "providers",
        "no LLM key is stored: every request will be 404 model_not_found",
        '"claviger llm-keys add PROVIDER"',
      ),
    ];
  }
  if (!asked) return [];
  const findings: Finding[] = [];
  for (const { id, attributes } of keys) {
    const { document } = await api.call("POST", `/llm-api-keys/${id}/test`, { body: {} });
    const test = document.meta?.test as LlmTest | undefined;
    for (const { name, outcome } of test?.gateways ?? []) {
      const about = `LLM key ${attributes.name}`;
      const said = `from ${name}: ${outcome.replaceAll("_", " ")}`;
      findings.push(
        outcome === "ok"
          ? fine(about, said)
          : error(about, said, outcomeMends[outcome] ?? "see the gateway's log"),
      );
    }
  }
  return findings;
}
