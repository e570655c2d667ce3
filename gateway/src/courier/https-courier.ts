/**
 * The control plane's own port as the courier beside the bus (PROTOCOL §2.2): one signed call per message. The bargain:
 * it needs no bus and no bus credentials, so a replica whose credentials ran out in a long outage renews them here; what
 * comes back is believed as little as what the bus brings.
 */

import { toBase64Url } from "@claviger/shared/wire/chain";
import { courierHeaders, DETACHED_HEADER, signCourierCall } from "@claviger/shared/wire/courier-call";
import { courierPaths } from "@claviger/shared/wire/subjects";
import * as z from "zod";
import { joined } from "../joined.ts";

const CALL_TIMEOUT_MS = 10_000;
/** A page is up to 512 KiB, and some are fetched at once: on a slow way they take their time. */
const FETCH_TIMEOUT_MS = 30_000;
/** Longer than the control plane holds a call. */
const WAIT_TIMEOUT_MS = 30_000;
/** More than any answer of the protocol has; what is longer is not read to its end. */
const ANSWER_BYTES_MAX = 2 * 1024 * 1024;

const Waited = z.object({ poke: z.boolean() });
const Refused = z.object({ error: z.object({ code: z.string() }) });

export interface HttpsSettings {
  /** Without a slash at the end; a path before the courier's own is the proxy's. */
  controlPlaneUrl: string;
  /** Public nkey, `U…`, and Ed25519 by its private half. */
  nkey: string;
  sign: (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>;
  /** The replica's wall clock, in milliseconds. */
  wallMs: () => number;
}

/** The control plane said no; `code` is of the closed table in `decide/refusals.ts`. */
export class CourierRefusal extends Error {
  override readonly name = "CourierRefusal";
  readonly code: string;

  constructor(status: number, code: string) {
    super(`the control plane answered ${status} ${code}`);
    this.code = code;
  }
}

/** Every call rejects on a refusal, on a timeout (10 s; 30 s to fetch state), and after `close`. */
export class HttpsCourier {
  readonly #settings: HttpsSettings;
  readonly #closing = new AbortController();
  #detached: (jws: string) => void = () => undefined;
  /** How far the control plane's clock is ahead of ours; for the time in signatures and nothing else. */
  #aheadMs = 0;

  constructor(settings: HttpsSettings) {
    this.#settings = settings;
  }

  async heartbeat(body: Uint8Array): Promise<string> {
    return new TextDecoder().decode(await this.#post(courierPaths.heartbeat, body));
  }

  sync(body: Uint8Array): Promise<Uint8Array> {
    return this.#call({ method: "POST", target: courierPaths.sync, body, timeoutMs: FETCH_TIMEOUT_MS });
  }

  page(sha256: string): Promise<Uint8Array> {
    return this.#call({ method: "GET", target: courierPaths.page(sha256), timeoutMs: FETCH_TIMEOUT_MS });
  }

  usage(body: Uint8Array): Promise<Uint8Array> {
    return this.#post(courierPaths.usage, body);
  }

  ask(body: Uint8Array): Promise<Uint8Array> {
    return this.#post(courierPaths.escrow, body);
  }

  /** True as soon as there is more than this to ask for; false when there was nothing for 25 s. */
  async wait(held: { epoch: number; rev: number }, stop: AbortSignal): Promise<boolean> {
    const target = `${courierPaths.wait}?revision=${held.epoch}.${held.rev}`;
    const bytes = await this.#call({ method: "GET", target, timeoutMs: WAIT_TIMEOUT_MS, stop });
    return Waited.parse(JSON.parse(new TextDecoder().decode(bytes))).poke;
  }

  /** Calls back with each statement, not yet verified, that this replica is detached. */
  onDetached(callback: (jws: string) => void): void {
    this.#detached = callback;
  }

  close(): void {
    this.#closing.abort(new Error("the courier is closed"));
  }

  #post(target: string, body: Uint8Array): Promise<Uint8Array> {
    return this.#call({ method: "POST", target, body });
  }

  async #call(call: Call): Promise<Uint8Array> {
    try {
      return await this.#send(call);
    } catch (error) {
      if (!(error instanceof CourierRefusal && error.code === "replica_clock")) throw error;
      return this.#send(call);
    }
  }

  async #send({ method, target, body, timeoutMs = CALL_TIMEOUT_MS, stop }: Call): Promise<Uint8Array> {
    const { controlPlaneUrl, nkey, sign, wallMs } = this.#settings;
    const content = { method, target, body: body ?? new Uint8Array() };
    const timeMs = wallMs() + this.#aheadMs;
    const nonce = toBase64Url(crypto.getRandomValues(new Uint8Array(18)));
    const signed = await signCourierCall(content, { key: nkey, timeMs, nonce }, sign);
    const signals = [this.#closing.signal, AbortSignal.timeout(timeoutMs), ...(stop ? [stop] : [])];
    const response = await fetch(`${controlPlaneUrl}${target}`, {
      method,
      headers: { ...signed, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: body as BodyInit }),
      redirect: "manual",
      signal: AbortSignal.any(signals),
    });
    const bytes = await readAtMost(response, ANSWER_BYTES_MAX);
    if (response.ok) return bytes;
    const statement = response.headers.get(DETACHED_HEADER);
    if (statement !== null) this.#detached(statement);
    const code = codeOf(bytes);
    if (code === "replica_clock") this.#takeTime(response.headers.get(courierHeaders.time));
    throw new CourierRefusal(response.status, code);
  }

  #takeTime(told: string | null): void {
    const timeMs = Number(told);
    if (Number.isSafeInteger(timeMs) && timeMs > 0) this.#aheadMs = timeMs - this.#settings.wallMs();
  }
}

interface Call {
  method: "GET" | "POST";
  target: string;
  body?: Uint8Array;
  timeoutMs?: number;
  stop?: AbortSignal;
}

async function readAtMost(response: Response, bytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    // Leaving the loop ends the connection.
    if (length > bytesMax) throw new Error("an answer of the control plane is too large");
    chunks.push(chunk);
  }
  return joined(chunks, length);
}

function codeOf(bytes: Uint8Array): string {
  try {
    return Refused.parse(JSON.parse(new TextDecoder().decode(bytes))).error.code;
  } catch {
    return "unknown";
  }
}
