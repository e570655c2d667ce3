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
  type ResumableEvent,
  type ResumedRequest,
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
  const upstream = session?.upstreams[server.id];
  const bound = { organizationId: deps.settings.organizationId, keyId: principal.key.id, scope: name };
  const resuming = to.rename === undefined ? resumeFrom(visit, bound, upstream?.session) : undefined;
  const resumed = resuming === undefined ? undefined : await resuming;
  if (resumed !== undefined && "code" in resumed) return resumed;
  // What is resumed is judged as what it was begun by.
  const asked = message ?? resumed?.of;
  const judgeNow = (rights: typeof first.rights) =>
    asked && judge(rights, asked, deps.sightings.hashOf(rights.server));
  const grantNow = (): McpAdmission | Refusal => deps.grant(principal, name, judgeNow);
  const unknown = needsSight(asked) ? await deps.sightings.know(server) : undefined;
  if (unknown !== undefined) return unknown;
  const allowed = grantNow();
  if ("code" in allowed) return allowed;
  if (session !== undefined && upstream?.url !== server.url) return refuse("session_not_found");
  const isAsked = !listensOnly(to, visit) || resumed !== undefined;
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
  const sent = { body, tasks, admission, grantNow, credential, upstreamSession, asked };
  const lastEventId = resumed?.id;
  relayFor(request, { ...to, ...sent, lastEventId }).start();
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
  /** What its events answer: `message`, or what was asked for in the stream that is resumed. */
  readonly asked: ClientMessage | undefined;
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
    sealEventId: (id) =>
      sealEventId(visit.deps.shared, bound, to.upstreamSession, { id, of: decidingOf(to.asked) }),
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

/** As much of a request as decides whether it may be asked; an event of its stream carries that with it. */
function decidingOf(message: ClientMessage | undefined): ResumedRequest | undefined {
  if (message?.kind !== "request") return undefined;
  const { name, uri, ref, notifications } = message.params;
  const named = Object.entries({ name, uri, ref, notifications }).filter(([, value]) => value !== undefined);
  return { kind: "request", id: 0, method: message.method, params: Object.fromEntries(named) as JsonObject };
}

/** Where a stream is to be resumed: what the server called the last event that arrived in this session, and of which request. */
function resumeFrom(
  { exchange, deps }: McpVisit,
  bound: SessionBound,
  session: string | undefined,
): Promise<ResumableEvent | Refusal> | undefined {
  const token = exchange.method === "GET" ? exchange.header("last-event-id") : undefined;
  if (token === undefined) return undefined;
  return openEventId(deps.shared, bound, session, token).then(
    (event) => event ?? refuse("invalid_header", { param: "last-event-id" }),
  );
}
