/**
 * One admitted request to one server: messages through, each looked at on its way back, settled exactly once whatever ends
 * it. The caller's socket holds back the server's; the caller's leaving closes the server's connection at once.
 */
import type { McpRights } from "@claviger/shared/decide/mcp-rights";
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import type { McpCall } from "@claviger/shared/wire/query";
import type { UpstreamCall } from "../ports.ts";
import type { McpAdmission } from "../rooms.ts";
import { passFrom } from "./filter.ts";
import { type ClientMessage, isObject, type JsonObject } from "./json-rpc.ts";
import { type LegHead, type LegListener, type LegRequest, openLeg } from "./leg.ts";
import { protocolVersions } from "./methods.ts";
import type { SseEvent } from "./sse.ts";
import type { Running } from "./streams.ts";
import { sealTasks, type TaskNames } from "./tasks.ts";
import { type McpVisit, settle } from "./visit.ts";

export interface RelayJob {
  readonly visit: McpVisit;
  readonly admission: McpAdmission;
  readonly request: LegRequest;
  /** Undefined when the client only listens, or ends its session. */
  readonly message: ClientMessage | undefined;
  readonly listens: boolean;
  /** The rights as they are now, or why there are none. */
  readonly grantAgain: () => McpAdmission | Refusal;
  /** At the address of all: what a client sees of a message. Nothing there can be resumed. */
  readonly rename: ((message: JsonObject) => JsonObject) | undefined;
  /** Which of the servers of its request, from 1; undefined: the only one. */
  readonly part: number | undefined;
  /** Seals a session that the server has begun; undefined when that cannot be. */
  readonly seal: (session: string) => Promise<string | undefined>;
  /** What the client knows an event by; undefined: it cannot be resumed from. */
  readonly sealEventId: (id: string) => Promise<string | undefined>;
  readonly tasks: TaskNames;
  /** Once, after everything. */
  readonly over: () => void;
}

/** Messages that wait for being looked at; more are not read. */
const QUEUE_MAX = 32;

export class McpRelay implements LegListener, Running {
  readonly listens: boolean;
  readonly startedMonoMs: number;
  readonly #job: RelayJob;
  #rights: McpRights;
  #call: UpstreamCall | undefined;
  #head: LegHead | undefined;
  /** What is told later is looked at later. */
  #tail: Promise<void> = Promise.resolve();
  #queued = 0;
  /** Since when the caller takes nothing. */
  stalledMonoMs: number | undefined;
  #session: string | undefined;
  #outcome: McpCall["outcome"] | undefined;
  #firstByteMs: number | null = null;
  #over = false;

  constructor(job: RelayJob) {
    this.#job = job;
    this.listens = job.listens;
    this.startedMonoMs = job.visit.startedMonoMs;
    this.#rights = job.admission.rights;
  }

  /** Opens the call in this turn, unless the caller has left already. */
  start(): void {
    const { visit, request } = this.#job;
    const { deps, reply } = visit;
    deps.streams.add(this);
    deps.metrics.admitted++;
    reply.ours.push("x-claviger-key", this.#job.admission.key.id);
    reply.onGone(() => this.#finish("aborted", 499, "client_closed"));
    reply.onDrained(() => {
      this.stalledMonoMs = undefined;
      this.#resume();
    });
    if (!this.#over) this.#call = openLeg(deps.upstream, request, deps.settings, this);
  }

  refused(): Refusal | undefined {
    const again = this.#job.grantAgain();
    if ("code" in again) return again;
    this.#rights = again.rights;
    return again.rights.server.url === this.#job.request.server.url ? undefined : refuse("config_behind");
  }

  abort(refusal: Refusal): void {
    this.#fail(refusal, "aborted");
  }

  head(head: LegHead): void {
    this.#head = head;
    const { visit, message } = this.#job;
    const isBegin = message?.kind === "request" && message.method === "initialize";
    const { session } = head;
    if (isBegin && session !== undefined) {
      this.#then(async () => {
        this.#session = await this.#job.seal(session);
        if (this.#session === undefined) this.#fail(refuse("no_configuration"), "error");
        else this.#begin();
      });
      return;
    }
    if (message?.kind === "request" && head.form === "nothing") {
      return this.#fail(refuse("provider_bad_response"), "error");
    }
    // At once: whoever listens waits for this and for nothing else.
    if (this.#queued === 0) this.#begin();
    else this.#then(() => this.#begin());
    this.#firstByteMs = visit.deps.clock.monoMs() - visit.startedMonoMs;
  }

  message(message: JsonObject, event: SseEvent): void {
    this.#then(async () => {
      const allowed = await passFrom(this.#rights, this.#job.visit.deps.sightings, message);
      const passed = allowed && (await sealTasks(allowed, this.#job.tasks));
      if (this.#over) return;
      if (passed !== undefined) await this.#pass(passed, passed === message ? event.data : undefined, event);
      else if (this.#head?.form === "json") this.#fail(refuse("provider_bad_response"), "error");
    });
  }

  sign(event: SseEvent): void {
    this.#then(() => this.#tell(this.#job.rename === undefined ? event : { data: "" }));
  }

  end(): void {
    this.#then(() => {
      const { reply } = this.#job.visit;
      if (this.#head?.form === "nothing") reply.nothing(this.#head.status);
      reply.end();
      const isAnswered = this.#job.message?.kind !== "request" || this.#outcome !== undefined;
      this.#finish(isAnswered ? "ok" : "error", reply.status, null);
    });
  }

  failed(refusal: Refusal): void {
    // Behind what came before it.
    this.#then(() => this.#fail(refusal, "error"));
  }

  #begin(): void {
    if (!this.#over && this.#head?.form === "stream") this.#job.visit.reply.begin(this.#sessionHeader());
  }

  #sessionHeader(): string[] {
    return this.#session === undefined ? [] : ["mcp-session-id", this.#session];
  }

  async #pass(message: JsonObject, text: string | undefined, event: SseEvent): Promise<void> {
    const { message: asked, visit } = this.#job;
    if (asked?.kind === "request" && message.id === asked.id && message.method === undefined) {
      if (asked.method === "initialize" && !isKnownVersion(message)) {
        return this.#fail(refuse("provider_bad_response"), "error");
      }
      this.#outcome = outcomeOf(message);
    }
    const { rename } = this.#job;
    const data = rename === undefined ? (text ?? JSON.stringify(message)) : JSON.stringify(rename(message));
    if (this.#head?.form === "json") visit.reply.json(this.#head.status, data, this.#sessionHeader());
    else await this.#tell(rename === undefined ? { ...event, data } : { event: "message", data });
  }

  async #tell({ id, ...event }: SseEvent): Promise<void> {
    const sealed = id === undefined || id === "" ? undefined : await this.#job.sealEventId(id);
    if (!this.#over) this.#write(sealed === undefined ? event : { ...event, id: sealed });
  }

  #write(event: SseEvent): void {
    if (!this.#job.visit.reply.event(event)) {
      this.stalledMonoMs ??= this.#job.visit.deps.clock.monoMs();
      this.#call?.pause();
    }
  }

  #then(step: () => void | Promise<void>): void {
    if (++this.#queued === QUEUE_MAX) this.#call?.pause();
    this.#tail = this.#tail
      .then(() => (this.#over ? undefined : step()))
      .catch((error: unknown) => {
        this.#job.visit.deps.log.error({ err: error }, "MCP request failed");
        this.#fail(refuse("internal_error"), "error");
      })
      .then(() => {
        if (--this.#queued === 0) this.#resume();
      });
  }

  #resume(): void {
    if (this.stalledMonoMs === undefined && this.#queued < QUEUE_MAX && !this.#over) this.#call?.resume();
  }

  #fail(refusal: Refusal, outcome: McpCall["outcome"]): void {
    if (this.#over) return;
    const { reply } = this.#job.visit;
    reply.fail(refusal);
    this.#finish(outcome, reply.status, refusal.code);
  }

  #finish(outcome: McpCall["outcome"], status: number, code: string | null): void {
    if (this.#over) return;
    this.#over = true;
    const { visit, admission } = this.#job;
    visit.deps.streams.remove(this);
    this.#call?.close();
    const streamed = this.#head?.form === "stream";
    const told = code === null ? (this.#outcome ?? outcome) : outcome;
    const ended = { outcome: told, status, code, streamed, firstByteMs: this.#firstByteMs };
    settle(visit, admission, ended, visit.about, this.#job.part);
    this.#job.over();
  }
}

function outcomeOf(message: JsonObject): McpCall["outcome"] {
  if (message.error !== undefined) return "error";
  return isObject(message.result) && message.result.isError === true ? "tool_error" : "ok";
}

function isKnownVersion({ error, result }: JsonObject): boolean {
  if (error !== undefined || !isObject(result)) return true;
  return typeof result.protocolVersion === "string" && protocolVersions.has(result.protocolVersion);
}
