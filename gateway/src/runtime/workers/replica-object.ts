/**
 * One Durable Object per region: the replica. Every request is asked of it, so no isolate remembers anything; what is
 * admitted, held, written down and settled is its own. The bargain: it sleeps when nobody asks. Its alarm keeps it fresh
 * then, so that an outage finds it as fresh as `quietMs`, and a knock reaches it.
 */
import { DurableObject } from "cloudflare:workers";
import { problemOf } from "@claviger/shared/decide/problem";
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import { toBase64Url } from "@claviger/shared/wire/chain";
import { signCourierCall } from "@claviger/shared/wire/courier-call";
import { KNOCK_PATH, Knock } from "@claviger/shared/wire/knock";
import { courierPaths } from "@claviger/shared/wire/subjects";
import { dialectOfPath } from "../../forward/routes.ts";
import type { Log } from "../../ports.ts";
import { composeReplica, type Living } from "./compose.ts";
import { createCrypto } from "./crypto.ts";
import { workersExchange } from "./exchange.ts";
import { createLog } from "./log.ts";
import type { Region } from "./region.ts";
import { readSettings, type Settings } from "./settings.ts";

/** While there is something to do, the alarm is never farther away. */
const AWAKE_ALARM_MS = 10_000;
const TICK_MS = 1_000;
/** Who was asleep for longer than this asks whether it is fresh before it answers, for so long at most. */
const FRESH_MS_MAX = 25_000;
const WAKE_WAIT_MS = 2_000;
const HEADER_BYTES_MAX = 16 * 1024;
const KNOCK_BYTES_MAX = 1 << 20;

/** Headers by which the Worker tells its object what it knows of a caller. */
export const TOLD = { region: "x-clv-region", peer: "x-clv-peer" } as const;

export class ReplicaObject extends DurableObject<Record<string, unknown>> {
  readonly #settings: Settings;
  readonly #log: Log;
  #living: Promise<Living> | undefined;
  #lastRequestMs = 0;
  #ticking: ReturnType<typeof setInterval> | undefined;

  constructor(ctx: DurableObjectState, env: Record<string, unknown>) {
    super(ctx, env);
    this.#settings = readSettings(env);
    this.#log = createLog(this.#settings.logLevel, { service: "gateway" });
    ctx.storage.sql.exec(
      "CREATE TABLE IF NOT EXISTS object (one INTEGER PRIMARY KEY CHECK (one = 1), region TEXT NOT NULL) STRICT",
    );
  }

  async fetch(request: Request): Promise<Response> {
    const region = request.headers.get(TOLD.region) as Region;
    const { pathname } = new URL(request.url);
    if (pathname === KNOCK_PATH) return this.#knocked(region, request);
    let living: Living;
    try {
      living = await this.#awake(region);
    } catch (error) {
      return this.#unopened(pathname, error);
    }
    if (headerBytes(request.headers) > HEADER_BYTES_MAX) {
      return problem(refuse("headers_too_large"), "/", living.replica.identity.enrolled.gatewayName);
    }
    const exchange = workersExchange(request, request.headers.get(TOLD.peer) ?? "");
    const { gateway, isAnswered } = living;
    if (gateway.answer(exchange)) return exchange.response;
    const plain = await gateway.fetch(request, exchange);
    return isAnswered(plain) ? exchange.response : plain;
  }

  async alarm(): Promise<void> {
    const region = this.#regionKept();
    if (region === undefined) return;
    const living = await this.#open(region);
    living.gateway.tick();
    if (this.#isActive(living)) {
      await this.ctx.storage.setAlarm(Date.now() + AWAKE_ALARM_MS);
      return;
    }
    await this.ctx.storage.setAlarm(Date.now() + this.#settings.quietMs);
    await living.replica.follower.beat();
    // Whoever came meanwhile keeps it awake.
    if (!this.#isActive(living)) await this.#rest(living);
  }

  #isActive({ gateway }: Living): boolean {
    return !gateway.quiet() || Date.now() - this.#lastRequestMs < this.#settings.activeMs;
  }

  /** Opened, following, and fresh if the control plane answers. */
  async #awake(region: Region): Promise<Living> {
    this.#lastRequestMs = Date.now();
    const living = await this.#open(region);
    if (this.#ticking !== undefined) return living;
    this.#ticking = setInterval(() => living.gateway.tick(), TICK_MS);
    const { follower } = living.replica;
    living.courier?.wake();
    follower.start();
    await this.ctx.storage.setAlarm(Date.now() + AWAKE_ALARM_MS);
    if (follower.freshness().ageMs > FRESH_MS_MAX) await within(WAKE_WAIT_MS, living.fresh());
    return living;
  }

  async #rest({ replica, courier }: Living): Promise<void> {
    clearInterval(this.#ticking);
    this.#ticking = undefined;
    replica.follower.rest();
    await courier?.rest();
    this.#log.info({}, "the object rests");
  }

  #open(region: Region): Promise<Living> {
    this.#living ??= this.#compose(region).catch((error: unknown) => {
      this.#living = undefined;
      throw error;
    });
    return this.#living;
  }

  async #compose(region: Region): Promise<Living> {
    const log = createLog(this.#settings.logLevel, { service: "gateway", region });
    const { storage } = this.ctx;
    const living = await composeReplica(this.#settings, storage, region, log);
    storage.sql.exec("INSERT OR REPLACE INTO object (one, region) VALUES (1, ?)", region);
    if ((await storage.getAlarm()) === null) await storage.setAlarm(Date.now() + AWAKE_ALARM_MS);
    return living;
  }

  #regionKept(): Region | undefined {
    return this.ctx.storage.sql.exec("SELECT region FROM object").toArray()[0]?.region as Region | undefined;
  }

  /** The answer is the heartbeat, signed as the call that this replica would make; 404 when another one is meant. */
  async #knocked(region: Region, request: Request): Promise<Response> {
    const bytes = await request.arrayBuffer();
    const knock = bytes.byteLength > KNOCK_BYTES_MAX ? undefined : readKnock(bytes);
    if (knock === undefined || this.#regionKept() === undefined) return new Response(null, { status: 404 });
    const { replica, courier } = await this.#open(region);
    const { replicaId } = replica.identity.enrolled;
    if (courier === undefined || knock.replica !== replicaId) return new Response(null, { status: 404 });
    const body = await replica.follower.answerKnock(knock);
    const { nkey: key, sign, wallMs } = courier.https;
    const nonce = toBase64Url(crypto.getRandomValues(new Uint8Array(18)));
    const content = { method: "POST", target: courierPaths.heartbeat, body };
    const signed = await signCourierCall(content, { key, timeMs: wallMs(), nonce }, sign);
    return new Response(body as BodyInit, { headers: { ...signed, "content-type": "application/json" } });
  }

  /** Nothing is held and nothing can be: most often the control plane was away at the first start. */
  #unopened(path: string, error: unknown): Response {
    this.#log.error({ err: error }, "the replica could not be opened");
    if (path === "/healthz") return Response.json({ status: "ok" });
    if (path === "/readyz") {
      return Response.json({ status: "not ready", reason: "no_configuration" }, { status: 503 });
    }
    return problem(refuse("no_configuration"), path);
  }
}

/** A refusal that needs no table, in the words and with the headers of every other answer. */
function problem(refusal: Refusal, path: string, gatewayName?: string): Response {
  const requestId = `req_${createCrypto().randomId()}`;
  const { status, headers, body } = problemOf(refusal, dialectOfPath(path), requestId);
  const own = gatewayName === undefined ? {} : { "x-claviger-gateway": gatewayName };
  return new Response(body, { status, headers: { ...headers, ...own, "cache-control": "no-store" } });
}

/** As they stood in the request: name, colon, space, value, end of line. Ours are few and short. */
function headerBytes(headers: Headers): number {
  let bytes = 0;
  for (const [name, value] of headers) bytes += name.length + value.length + 4;
  return bytes;
}

function readKnock(bytes: ArrayBuffer): Knock | undefined {
  try {
    return Knock.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return undefined;
  }
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
