/**
 * What the gateway itself asks of a server for an admitted request, where several servers answer it together: each with a
 * record, a last look and a settlement of its own.
 */
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import { attemptIdOf } from "../attempt-id.ts";
import type { McpAdmission } from "../rooms.ts";
import { credentialOf } from "./deps.ts";
import type { SessionContent } from "./session.ts";
import { type Said, Talk } from "./talk.ts";
import type { Admitted } from "./to-server.ts";
import { openRecordOf, settle } from "./visit.ts";

/** A list of all servers does not wait longer for any of them. */
const EXCHANGE_MS = 20_000;

export interface Done {
  readonly admission: McpAdmission;
  readonly talk: Talk;
  readonly said: Said;
}

export interface Errand {
  readonly server: string;
  /** Which of the servers of the request, from 1. */
  readonly part: number;
  readonly session: SessionContent | undefined;
  /** Begins the session itself. */
  readonly begins: boolean;
}

/** Does `work` with a server, in the client's session there or in one that lives as long as the work. */
export async function onBehalf(
  { visit, principal }: Admitted,
  { server: name, part, session, begins }: Errand,
  work: (talk: Talk, admission: McpAdmission) => Promise<Said>,
): Promise<Done | Refusal> {
  const { deps } = visit;
  const first = deps.grant(principal, name, () => undefined);
  if ("code" in first) return first;
  const { server } = first.rights;
  const about = { ...visit.about, serverId: server.id, server: name };
  const credential = await credentialOf(deps.vault, server);
  if (credential === undefined) return refuse("provider_auth_failed");
  const record = openRecordOf(visit, principal, about, part);
  if (!(await deps.ledger.open(record))) return refuse("audit_unavailable");
  const admission = deps.grant(principal, name, () => undefined);
  if ("code" in admission || admission.rights.server !== server) {
    deps.ledger.withdraw(attemptIdOf(record));
    return "code" in admission ? admission : refuse("config_behind");
  }
  const { upstream, settings } = deps;
  const talk = new Talk({ upstream, limits: settings, timeoutMs: EXCHANGE_MS }, server, credential);
  const known = session?.upstreams[server.id];
  const isKnown = known !== undefined && known.url === server.url;
  if (isKnown) {
    talk.session = known.session;
    talk.protocolVersion = known.version;
  }
  let said: Said = refuse("internal_error");
  try {
    const begun = isKnown || begins ? undefined : await talk.begin(session?.client ?? undefined);
    said = begun === undefined || "result" in begun ? await work(talk, admission) : begun;
  } finally {
    const code = "code" in said ? said.code : null;
    const outcome = "result" in said ? "ok" : "error";
    const status = "result" in said ? 200 : (talk.status ?? 502);
    settle(visit, admission, { outcome, status, code, streamed: false, firstByteMs: null }, about, part);
    if (!isKnown && !begins) void talk.end();
  }
  return { admission, talk, said };
}
