/** Calls of the HTTPS courier: signed as they should be, and as they should not. */
import { courierHeaders, signCourierCall } from "@claviger/shared/wire/courier-call";
import { createUser } from "@nats-io/nkeys";
import { nkeyOf } from "../../fleet/nkey.ts";

/** A call with its headers, not yet made. */
export interface Sent {
  method: string;
  path: string;
  body: string;
  headers: Record<string, string>;
}
export type Unsigned = Omit<Sent, "headers">;
export type Signer = { publicKey: string; seed: Uint8Array };

/** Signed by that key, near that time, with a nonce of its own. */
export async function sign(call: Unsigned, by: Signer, timeMs = Date.now()): Promise<Sent> {
  const content = { method: call.method, target: call.path, body: new TextEncoder().encode(call.body) };
  const claim = { key: by.publicKey, timeMs, nonce: crypto.randomUUID().replaceAll("-", "") };
  const headers = await signCourierCall(content, claim, (bytes) => nkeyFromSeed(by.seed).sign(bytes));
  return { ...call, headers };
}

/** By node:crypto: the client library takes tens of milliseconds for a signature. */
function nkeyFromSeed(seed: Uint8Array) {
  const bits = Array.from(new TextDecoder().decode(seed), (character) =>
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(character).toString(2).padStart(5, "0"),
  ).join("");
  const bytes = (bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2));
  // Two bytes of role before the key, two of checksum after it.
  return nkeyOf("user", Uint8Array.from(bytes.slice(2, 34)));
}

interface Parties {
  readonly victim: Signer;
  /** By what they are. */
  readonly others: Readonly<Record<string, Signer>>;
  readonly detached: Signer;
}

type Forge = (call: Unsigned) => Promise<Sent>;

/** Ways to change a call that the victim signed, or to make one in its name without its key. */
export function forgeriesOf({ victim, others, detached }: Parties): Record<string, Forge> {
  const signedAs = (change: (call: Unsigned) => Partial<Unsigned>): Forge => {
    return async (call) => ({ ...call, headers: (await sign({ ...call, ...change(call) }, victim)).headers });
  };
  const inVictimsName = Object.entries(others).map(([who, signer]): [string, Forge] => [
    `signed by a ${who} in the victim's name`,
    async (call) => inTheNameOf(victim, await sign(call, signer)),
  ]);
  return {
    "no headers at all": async (call) => ({ ...call, headers: {} }),
    ...headerForgeriesOf(victim),
    "another method signed": signedAs(() => ({ method: "PUT" })),
    "another path signed": signedAs(({ path }) => ({ path: path.replace("/v1/", "/v2/") })),
    "another query signed": signedAs(({ path }) => ({ path: `${path}&` })),
    "another body signed": signedAs(({ body }) => ({ body: `${body} ` })),
    ...Object.fromEntries(inVictimsName),
    "signed by a key that nobody enrolled": async (call) => {
      const user = createUser();
      return sign(call, { publicKey: user.getPublicKey(), seed: user.getSeed() });
    },
    "signed by a detached replica": (call) => sign(call, detached),
  };
}

/** One header away, or another one that is as well-formed. */
function headerForgeriesOf(victim: Signer): Record<string, Forge> {
  const { key, time, nonce, signature } = courierHeaders;
  const forgeries: Record<string, Forge> = {};
  for (const [name, at] of [
    [key, 5],
    [time, 12],
    [nonce, 0],
    [signature, 0],
  ] as const) {
    forgeries[`without ${name}`] = async (call) => {
      const { [name]: _, ...headers } = (await sign(call, victim)).headers;
      return { ...call, headers };
    };
    forgeries[`${name} changed`] = async (call) => {
      const { headers } = await sign(call, victim);
      const value = headers[name] ?? "";
      const changed = value.slice(0, at) + another(value.charAt(at)) + value.slice(at + 1);
      return { ...call, headers: { ...headers, [name]: changed } };
    };
  }
  return forgeries;
}

function another(character: string): string {
  if (/[0-9]/.test(character)) return String((Number(character) + 1) % 10);
  return character === "B" ? "C" : "B";
}

/** The same call with another key named. */
export function inTheNameOf({ publicKey }: Signer, sent: Sent): Sent {
  return { ...sent, headers: { ...sent.headers, [courierHeaders.key]: publicKey } };
}
