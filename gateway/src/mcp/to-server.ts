/**
 * An admitted request on its way to one server. The only way there is behind `grant`, which is asked in the turn in which the
 * request goes on: with the table, the key and the rights as they are then.
 */
import type { Principal } from "@claviger/shared/decide/admit";
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import { attemptIdOf } from "../attempt-id.ts";
import type { Limited, McpAdmission } from "../rooms.ts";
import { credentialOf } from "./deps.ts";
import { type ClientMessage, isObject, type JsonObject } from "./json-rpc.ts";
import { judge, type Named } from "./judge.ts";
import { requestRules } from "./methods.ts";
import { McpRelay } from "./relay.ts";
import {
  openEventId,
  openTaskId,
  type SessionBound,
  type SessionContent,
  sealEventId,
  sealSession,
  sealTaskId,
} from "./session.ts";
import { openTasks, TaskNames } from "./tasks.ts";
import { type McpVisit, openRecordOf, takeRate } from "./visit.ts";

/** A request of a principal that was admitted. */
export interface Admitted {
  readonly visit: McpVisit;
  readonly principal: Principal;
  readonly limited: Limited;
  /** As the path names it; "": all. */
  readonly server: string;
  /** Gives its place among the key's requests back. */
  readonly leave: () => void;
}

/** `started`: whoever runs it now gives the place back. */
export type Outcome = Refusal | "started" | "answered" | "gone";

/** A message of the client, and as which bytes it goes on. */
export interface Read {
  readonly message: ClientMessage;
  readonly bytes: Uint8Array;
}

export interface ToForward {
  readonly message: ClientMessage | undefined;
  readonly body: Uint8Array | undefined;
  readonly named: Named | undefined;
  readonly session: SessionContent | undefined;
  readonly version: string | undefined;
  /** At the address of all: what a client sees of the server's messages. */
  readonly rename?: ((message: JsonObject) => JsonObject) | undefined;
  /** Of a request that goes to several servers: which of them this is, from 1. The request's rate is taken already. */
  readonly part?: number | undefined;
}

/** To the one server that the path names. */
export async function forward(request: Admitted, to: ToForward): Promise<Outcome> {
  const { visit, principal, limited, server: name } = request;
  const { message, session } = to;
  const { deps } = visit;
  const first = deps.grant(principal, name, () => undefined);
  if ("code" in first) return first;
  const { server } = first.rights;
  visit.about = { ...visit.about, serverId: server.id };
  const judgeNow = (rights: typeof first.rights) =>
    message && judge(rights, message, deps.sightings.hashOf(rights.server));
  const grantNow = (): McpAdmission | Refusal => deps.grant(principal, name, judgeNow);
  const unknown = needsSight(message) ? await deps.sightings.know(server) : undefined;
  if (unknown !== undefined) return unknown;
  const allowed = grantNow();
  if ("code" in allowed) return allowed;
  const upstream = session?.upstreams[server.id];
  if (session !== undefined && upstream?.url !== server.url) return refuse("session_not_found");
  const bound = { organizationId: deps.settings.organizationId, keyId: principal.key.id, scope: name };
  const resumed = to.rename === undefined ? resumeFrom(visit, bound, upstream?.session) : undefined;
  const lastEventId = resumed === undefined ? undefined : await resumed;
  if (lastEventId !== undefined && typeof lastEventId !== "string") return lastEventId;
  const isAsked = !listensOnly(to, visit) || lastEventId !== undefined;
  const tasks = new TaskNames((id) => sealTaskId(deps.shared, bound, server, id), isAsked);
  const body = await openTasks(message, to.body, tasks, (id) => openTaskId(deps.shared, bound, server, id));
  if (body !== undefined && "code" in body) return body;
  const rate = to.part === undefined ? takeRate(visit, principal, limited) : undefined;
  if (rate !== undefined) return rate;
  const credential = await credentialOf(deps.vault, server);
  if (credential === undefined) return refuse("provider_auth_failed");
  const record = openRecordOf(visit, principal, visit.about, to.part);
  if (!(await deps.ledger.open(record))) return refuse("audit_unavailable");
  const admission = grantNow();
  // Address and credential belong together and were read before.
  const refusal = "code" in admission ? admission : isChanged(admission, first);
  if ("code" in admission || refusal !== undefined) {
    deps.ledger.withdraw(attemptIdOf(record));
    return refusal ?? refuse("config_behind");
  }
  const upstreamSession = upstream?.session;
  const sent = { body, tasks, admission, grantNow, credential, upstreamSession, lastEventId };
  relayFor(request, { ...to, ...sent }).start();
  return "started";
}

/** Nobody waits for an answer. */
function listensOnly({ message, named }: ToForward, { exchange }: McpVisit): boolean {
  return (message === undefined && exchange.method === "GET") || named?.method === "subscriptions/listen";
}

interface ToRelay extends ToForward {
  readonly admission: McpAdmission;
  readonly grantNow: () => McpAdmission | Refusal;
  readonly credential: Readonly<Record<string, string>>;
  readonly upstreamSession: string | undefined;
  readonly lastEventId: string | undefined;
  readonly tasks: TaskNames;
}

function relayFor({ visit, principal, server: scope, leave }: Admitted, to: ToRelay): McpRelay {
  const { message, named, admission, credential, lastEventId } = to;
  const { server } = admission.rights;
  const { organizationId } = visit.deps.settings;
  const bound = { organizationId, keyId: principal.key.id, scope };
  return new McpRelay({
    visit,
    admission,
    message,
    listens: listensOnly(to, visit),
    tasks: to.tasks,
    request: {
      ...{ server, credential, lastEventId, session: to.upstreamSession, protocolVersion: to.version },
      method: visit.exchange.method as "GET" | "POST" | "DELETE",
      body: to.body,
      says: message !== undefined && isStateless(message) ? named : undefined,
    },
    grantAgain: to.grantNow,
    rename: to.rename,
    part: to.part,
    seal(upstreamSession) {
      const upstreams = { [server.id]: { session: upstreamSession, url: server.url } };
      return sealSession(visit.deps.shared, bound, { upstreams, client: null });
    },
    sealEventId: (id) => sealEventId(visit.deps.shared, bound, to.upstreamSession, id),
    over: leave,
  });
}

function isChanged({ rights }: McpAdmission, before: McpAdmission): Refusal | undefined {
  return rights.server === before.rights.server ? undefined : refuse("config_behind");
}

/** Whether what is asked for has to be compared with what the server offers now. */
export function needsSight(message: ClientMessage | undefined): boolean {
  if (message?.kind !== "request") return false;
  const names = requestRules.get(message.method)?.names;
  return names !== undefined && names !== "nothing" && names !== "list" && names !== "task";
}

const VERSION_MEMBER = "io.modelcontextprotocol/protocolVersion";

/** From 2026-07-28 on each request says its version itself. */
function isStateless(message: ClientMessage): boolean {
  if (message.kind !== "request") return false;
  const { _meta: meta } = message.params;
  return isObject(meta) && typeof meta[VERSION_MEMBER] === "string";
}

/** Where a stream is to be resumed: what the server called the last event that arrived in this session. */
function resumeFrom(
  { exchange, deps }: McpVisit,
  bound: SessionBound,
  session: string | undefined,
): Promise<string | Refusal> | undefined {
  const token = exchange.method === "GET" ? exchange.header("last-event-id") : undefined;
  if (token === undefined) return undefined;
  return openEventId(deps.shared, bound, session, token).then(
    (id) => id ?? refuse("invalid_header", { param: "last-event-id" }),
  );
}
