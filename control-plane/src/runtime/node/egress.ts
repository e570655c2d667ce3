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
 * The system's look-up takes one of the two threads that a process has for look-ups for as long as a name server pleases,
 * and whoever chose the name chose its server: of one organization one at a time.
 */
const LOOKUPS_MAX = 2;
const LOOKUPS_OF_ONE_MAX = 1;
/** Of an answer; what is longer is not read to its end. */
const ANSWER_BYTES_MAX = 1_048_576;

type Resolve = LookupResolve<LookupOptions, LookupAddress>;

/** The look-ups of names that an organization has chosen; those of nobody in particular are one organization's, too. */
export type Lookups = (orgId: string) => Resolve;

/** A list of `host:port` and CIDRs; throws with the entry that is neither. */
export function parseEgressAllow(entries: readonly string[]): EgressAllow {
  return requireEgressAllow(entries);
}

/** So many look-ups at once, and of one organization so many; one that could not begin within the time of an exchange fails, for nobody waits any more. */
export function limitLookups(
  resolve: Resolve,
  { max, ofOneMax, waitMsMax } = {
    max: LOOKUPS_MAX,
    ofOneMax: LOOKUPS_OF_ONE_MAX,
    waitMsMax: EXCHANGE_MS_MAX,
  },
): Lookups {
  const ofOne = createSlots(ofOneMax);
  const ofAll = createSlots(max);
  return (orgId) => (host, options, done) => {
    const sinceMs = performance.now();
    const look = async () => {
      if (performance.now() - sinceMs > waitMsMax) return done(new Error("too many look-ups of names"), []);
      await new Promise<void>((free) =>
        resolve(host, options, (error, found) => {
          free();
          done(error, found);
        }),
      );
    };
    void ofOne(orgId, () => ofAll("", look));
  };
}

/** The limits are the process's: whoever posts to addresses of tenants shares one of these. */
export function createLookups(): Lookups {
  return limitLookups((host, options, done) => systemLookup(host, { ...options, all: true }, done));
}

/** A guarded `Post`. */
export function createPost(
  allow: EgressAllow,
  lookups: Lookups = createLookups(),
  exchangeMsMax = EXCHANGE_MS_MAX,
): Post {
  const exchange = createExchange(allow, lookups, exchangeMsMax);
  return (address, body, orgId = "") => exchange({ address, orgId }, posted({}, body), readOk);
}

/** The same guard for what answers anything: resolves to the status, and reads no answer to its end. */
export function createStatusPost(
  allow: EgressAllow,
  lookups: Lookups = createLookups(),
  exchangeMsMax = STATUS_MS_MAX,
): (url: string, headers: Readonly<Record<string, string>>, body: string, orgId?: string) => Promise<number> {
  const exchange = createExchange(allow, lookups, exchangeMsMax);
  return (address, headers, body, orgId = "") =>
    exchange({ address, orgId }, posted(headers, body), async (response) => response.statusCode ?? 0);
}

/** The same guard as a `fetch` of one organization, for libraries that bring their own requests; bodies are texts. */
export function createGuardedFetch(
  allow: EgressAllow,
  lookups: Lookups = createLookups(),
  exchangeMsMax = EXCHANGE_MS_MAX,
) {
  const exchange = createExchange(allow, lookups, exchangeMsMax);
  return (orgId: string) =>
    (
      address: string,
      { method = "GET", headers, body }: Omit<RequestInit, "signal"> = {},
    ): Promise<Response> => {
      const text = body === undefined || body === null ? undefined : String(body);
      const sent = { method, headers: Object.fromEntries(new Headers(headers)), body: text };
      return exchange({ address, orgId }, sent, async (response) => {
        const bytes = await readAll(response);
        const pairs = Object.entries(response.headers).filter(([, value]) => typeof value === "string");
        const status = response.statusCode ?? 502;
        const bodyless = [204, 205, 304].includes(status);
        return new Response(bodyless ? null : bytes, { status, headers: pairs as [string, string][] });
      });
    };
}

interface Sent {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

function posted(headers: Readonly<Record<string, string>>, body: string): Sent {
  return { method: "POST", headers: { ...headers, "content-type": "application/json" }, body };
}

function createExchange(allow: EgressAllow, lookups: Lookups, exchangeMsMax: number) {
  return async <T>(
    { address, orgId }: { readonly address: string; readonly orgId: string },
    { method, headers, body }: Sent,
    readAnswer: (response: IncomingMessage) => Promise<T>,
  ): Promise<T> => {
    const url = new URL(address);
    const mode = egressModeOf(allow, url);
    if (mode === "blocked") throw new EgressBlocked();
    const lookup = mode === "open" ? {} : { lookup: guardedLookup(allow, mode, lookups(orgId)) };
    const send = url.protocol === "https:" ? secureRequest : plainRequest;
    const { promise, resolve: answered, reject } = Promise.withResolvers<T>();
    const sending = send(url, {
      method,
      headers: body === undefined ? headers : { ...headers, "content-length": Buffer.byteLength(body) },
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

async function readOk(response: IncomingMessage): Promise<Posted> {
  if (response.statusCode !== 200) throw new Error(`it answered ${response.statusCode}`);
  const body = await readAll(response);
  const headers = new Map(Object.entries(response.headers));
  return {
    header: (name) => {
      const value = headers.get(name);
      return typeof value === "string" ? value : null;
    },
    body,
  };
}

async function readAll(response: IncomingMessage): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += (chunk as Buffer).length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error("its answer is too long");
    chunks.push(chunk as Buffer);
  }
  return new Uint8Array(Buffer.concat(chunks));
}
