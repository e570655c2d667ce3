/**
 * From what a courier brought to what the core understands: verified, sized, decoded. Nothing that arrives is
 * believed before its signature; what is authentic and not understood is told apart from what is not authentic.
 */
import type { DeltaEvent, EpochEvent, UnreadableEvent } from "@claviger/shared/sync/replica-state";
import { Table } from "@claviger/shared/sync/table";
import { nextChain, toBase64Url } from "@claviger/shared/wire/chain";
import { Delta } from "@claviger/shared/wire/delta";
import { EpochMessage } from "@claviger/shared/wire/epoch";
import { Fresh } from "@claviger/shared/wire/heartbeat";
import { skipUnknown } from "@claviger/shared/wire/record";
import { claimsEpoch, type Verify } from "@claviger/shared/wire/sign";
import { Page, Snapshot } from "@claviger/shared/wire/snapshot";
import * as z from "zod";

/** A delta is ≤ 256 KiB; base64 and the envelope make it at most this many characters. */
const DELTA_CHARS_MAX = 384 * 1024;

/** A page is ≤ 512 KiB. */
const PAGE_BYTES_MAX = 512 * 1024;

/** Why a message changed nothing. */
export type Rejected = {
  type: "rejected";
  code: "bad_signature" | "too_large" | "unsupported";
  detail: string;
  /** Of what is authentic and not understood: whose it is. */
  org?: string | undefined;
};

/** What can still be read of a delta whose content is not understood. */
const Outline = z.object({
  org: z.string(),
  epoch: z.int().min(1),
  rev: z.int().min(1),
  restrictive: z.boolean().catch(true),
  changes: z.array(
    z.object({ kind: z.string().catch(""), id: z.string().catch("") }).catch({ kind: "", id: "" }),
  ),
});

const Owned = z.object({ org: z.string() });

const decoder = new TextDecoder("utf-8", { fatal: true });

/** A message of the organization's history, as the core's event: a delta, or the next epoch. */
export async function readHistory(
  verify: Verify,
  jws: string,
): Promise<DeltaEvent | EpochEvent | UnreadableEvent | Rejected> {
  return claimsEpoch(jws) ? readEpoch(verify, jws) : readDelta(verify, jws);
}

async function readEpoch(verify: Verify, jws: string): Promise<EpochEvent | Rejected> {
  const payload = await verify("clv-epoch+jws", jws);
  if (payload === undefined) return rejected("bad_signature", "an epoch message");
  const message = EpochMessage.safeParse(parse(payload));
  if (!message.success) return rejected("unsupported", "an epoch message");
  const { org, continues, epoch, rev, chain } = message.data;
  return { type: "epoch", org, continues, at: { epoch, rev, chain }, jws };
}

/** A delta's JWS as the core's event. */
export async function readDelta(
  verify: Verify,
  jws: string,
): Promise<DeltaEvent | UnreadableEvent | Rejected> {
  if (jws.length > DELTA_CHARS_MAX) return rejected("too_large", `a delta of ${jws.length} characters`);
  const payload = await verify("clv-delta+jws", jws);
  if (payload === undefined) return rejected("bad_signature", "a delta");
  const json = parse(payload);
  const delta = readSkipping(json);
  if (delta.success) {
    return { type: "delta", delta: delta.data, chainAfter: await nextChain(delta.data.prev, payload), jws };
  }
  const outline = Outline.safeParse(json);
  if (!outline.success) return rejected("unsupported", "a delta without a revision");
  const { org, epoch, rev, restrictive, changes } = outline.data;
  const named = (...kinds: string[]) =>
    changes.flatMap(({ kind, id }) => (kinds.includes(kind) && id !== "" ? [id] : []));
  return {
    type: "unreadable",
    org,
    epoch,
    rev,
    restrictive,
    keyIds: named("key", "agent"),
    providerIds: named("provider", "secret", "mcp"),
    tokenIds: named("deny_jti"),
    code: "unsupported",
    detail: keepable(z.prettifyError(delta.error).slice(0, 500)),
    jws,
  };
}

/** A delta as far as it is understood; what says of itself that it may be skipped does not hold up the rest. */
function readSkipping(json: unknown) {
  const whole = Delta.safeParse(json);
  if (whole.success || typeof json !== "object" || json === null || !("changes" in json)) return whole;
  const { changes } = json;
  return Array.isArray(changes) ? Delta.safeParse({ ...json, changes: skipUnknown(changes) }) : whole;
}

/** Names out of a message that is not understood, cut anywhere: as text that can be sent on and be kept. */
function keepable(text: string): string {
  return text.replaceAll("\0", "\ufffd").toWellFormed();
}

export async function readFresh(verify: Verify, jws: string): Promise<Fresh | Rejected> {
  const payload = await verify("clv-fresh+jws", jws);
  if (payload === undefined) return rejected("bad_signature", "an answer to a heartbeat");
  const fresh = Fresh.safeParse(parse(payload));
  return fresh.success ? fresh.data : rejected("unsupported", "an answer to a heartbeat");
}

export async function readSnapshot(verify: Verify, jws: string): Promise<Snapshot | Rejected> {
  const payload = await verify("clv-snap+jws", jws);
  if (payload === undefined) return rejected("bad_signature", "a snapshot");
  const json = parse(payload);
  const snapshot = Snapshot.safeParse(json);
  if (snapshot.success) return snapshot.data;
  return { ...rejected("unsupported", "a snapshot"), org: Owned.safeParse(json).data?.org };
}

/** True when these are exactly the bytes that a snapshot named. */
export async function isPage(bytes: Uint8Array, sha256: string): Promise<boolean> {
  if (bytes.length > PAGE_BYTES_MAX) return false;
  return toBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as BufferSource))) === sha256;
}

/** A table of these pages, whose hashes have been checked; undefined when one of them is not understood. */
export function tableOf(pages: Iterable<Uint8Array>): Table | undefined {
  const table = new Table();
  for (const bytes of pages) if (!putPage(table, bytes)) return undefined;
  return table;
}

/** Puts a page's records into a table that nobody reads yet; false when it is not understood. */
export function putPage(table: Table, bytes: Uint8Array): boolean {
  const json = parse(bytes);
  const whole = Page.safeParse(json);
  const page = whole.success || !Array.isArray(json) ? whole : Page.safeParse(skipUnknown(json));
  if (!page.success) return false;
  for (const change of page.data) table.apply(change);
  return true;
}

/** The parsed JSON, or undefined for what is none. */
export function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    return undefined;
  }
}

function rejected(code: Rejected["code"], detail: string): Rejected {
  return { type: "rejected", code, detail };
}
