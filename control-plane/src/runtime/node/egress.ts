/**
 * The control plane's own requests to addresses that tenants choose. The bargain is the gateway's: a URL is judged before
 * its name is resolved, every address that the name has is judged before it is connected to, the checked address is the
 * one that is used, and no redirect is followed. The judgement is `@claviger/shared/decide/egress`.
 */
import { type LookupAddress, type LookupOptions, lookup as systemLookup } from "node:dns";
import { type IncomingMessage, request as plainRequest } from "node:http";
import { request as secureRequest } from "node:https";
import { type EgressAllow, egressModeOf } from "@claviger/shared/decide/egress";
import {
  EgressBlocked,
  guardedLookup,
  type Resolve as LookupResolve,
  requireEgressAllow,
} from "@claviger/shared/decide/guarded-lookup";
import type { Post, Posted } from "../../fleet/knock.ts";
import { createSlots } from "../../fleet/slots.ts";

/** The whole exchange, in milliseconds. */
const EXCHANGE_MS_MAX = 5_000;
/** The same for receivers of notifications, which nobody waits for. */
const STATUS_MS_MAX = 15_000;
/**
 * The system's look-up takes a thread of this process's four for as long as a name server pleases, and whoever chose the
 * name chose its server: files and hashes need threads too.
 */
const LOOKUPS_MAX = 2;
/** Of an answer; what is longer is not read to its end. */
const ANSWER_BYTES_MAX = 1_048_576;

type Resolve = LookupResolve<LookupOptions, LookupAddress>;

/** A list of `host:port` and CIDRs; throws with the entry that is neither. */
export function parseEgressAllow(entries: readonly string[]): EgressAllow {
  return requireEgressAllow(entries);
}

/** So many look-ups at once; one that could not begin within the time of an exchange fails, for nobody waits any more. */
export function limitLookups(resolve: Resolve, max = LOOKUPS_MAX, waitMsMax = EXCHANGE_MS_MAX): Resolve {
  const inSlot = createSlots(max);
  return (host, options, done) => {
    const sinceMs = performance.now();
    void inSlot("", async () => {
      if (performance.now() - sinceMs > waitMsMax) return done(new Error("too many look-ups of names"), []);
      await new Promise<void>((free) =>
        resolve(host, options, (error, found) => {
          free();
          done(error, found);
        }),
      );
    });
  };
}

function systemResolve(): Resolve {
  return limitLookups((host, options, done) => systemLookup(host, { ...options, all: true }, done));
}

/** A guarded `Post`; only a test brings a resolver. */
export function createPost(
  allow: EgressAllow,
  resolve: Resolve = systemResolve(),
  exchangeMsMax = EXCHANGE_MS_MAX,
): Post {
  const exchange = createExchange(allow, resolve, exchangeMsMax);
  return (address, body) => exchange(address, {}, body, read);
}

/** The same guard for what answers anything: resolves to the status, and reads no answer to its end. */
export function createStatusPost(
  allow: EgressAllow,
  resolve: Resolve = systemResolve(),
  exchangeMsMax = STATUS_MS_MAX,
): (url: string, headers: Readonly<Record<string, string>>, body: string) => Promise<number> {
  const exchange = createExchange(allow, resolve, exchangeMsMax);
  return (address, headers, body) =>
    exchange(address, headers, body, async (response) => response.statusCode ?? 0);
}

function createExchange(allow: EgressAllow, resolve: Resolve, exchangeMsMax: number) {
  return async <T>(
    address: string,
    headers: Readonly<Record<string, string>>,
    body: string,
    readAnswer: (response: IncomingMessage) => Promise<T>,
  ): Promise<T> => {
    const url = new URL(address);
    const mode = egressModeOf(allow, url);
    if (mode === "blocked") throw new EgressBlocked();
    const lookup = mode === "open" ? {} : { lookup: guardedLookup(allow, mode, resolve) };
    const send = url.protocol === "https:" ? secureRequest : plainRequest;
    const { promise, resolve: answered, reject } = Promise.withResolvers<T>();
    const sending = send(url, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json", "content-length": Buffer.byteLength(body) },
      // Each connection is judged for itself; none is kept for later.
      agent: false,
      signal: AbortSignal.timeout(exchangeMsMax),
      ...lookup,
    });
    sending.on("error", reject);
    sending.on("response", (response) => readAnswer(response).then(answered, reject));
    sending.end(body);
    return promise.finally(() => sending.destroy());
  };
}

async function read(response: IncomingMessage): Promise<Posted> {
  if (response.statusCode !== 200) throw new Error(`it answered ${response.statusCode}`);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += (chunk as Buffer).length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error("its answer is too long");
    chunks.push(chunk as Buffer);
  }
  const headers = new Map(Object.entries(response.headers));
  return {
    header: (name) => {
      const value = headers.get(name);
      return typeof value === "string" ? value : null;
    },
    body: new Uint8Array(Buffer.concat(chunks)),
  };
}
