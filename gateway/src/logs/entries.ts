/** From what the rooms know of a request to what is written down of it. Never a prompt, a key or a provider's secret. */

import { foldUsage } from "@claviger/shared/money/usage";
import type { KeyRecord } from "@claviger/shared/wire/record";
import type { LogEntry, OpenRecord, Spent } from "../ports.ts";
import type { RequestFacts, Settlement } from "../rooms.ts";

/** Beyond so many entries that wait for the disk, captured bodies are let go: they are what would fill the memory. */
const BODIES_WAITING_MAX = 500;

/** `waiting`: entries that have not reached the disk yet. */
export function settledEntry({ facts, admission, ...ended }: Settlement, waiting = 0): LogEntry {
  const { key, generation, tokenId, provider, model } = admission;
  const { status, code, streamed, tokens, basis, firstByteMs, totalMs, attempt, earlier, spent, bodies } =
    ended;
  return {
    kind: "settled",
    log: {
      requestId: facts.requestId,
      atMs: facts.atMs,
      keyId: key.id,
      projectId: key.projectId,
      surface: facts.surface,
      method: facts.method,
      path: facts.path,
      model,
      provider: provider.provider,
      llmKeyId: provider.id,
      status,
      code,
      streamed,
      tokens: foldUsage(tokens),
      firstByteMs: firstByteMs === null ? null : round(firstByteMs),
      totalMs: round(totalMs),
      ip: facts.ip,
      metadata: key.metadata,
      ...(tokenId === undefined ? {} : { tokenId }),
      ...(attempt === 1 ? {} : { attempt, attempts: [...(earlier ?? [])] }),
      ...(facts.mcp === undefined ? {} : { mcp: facts.mcp }),
    },
    generation,
    basis,
    ipPrefix: facts.ipPrefix,
    ...(spent === undefined ? {} : { spent }),
    ...(bodies === undefined || waiting >= BODIES_WAITING_MAX ? {} : { bodies }),
  };
}

/** Tenths of a millisecond. */
function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}

export function refusedEntry(facts: RequestFacts, key: KeyRecord, code: string, status: number): LogEntry {
  return {
    kind: "refused",
    log: {
      requestId: facts.requestId,
      atMs: facts.atMs,
      keyId: key.id,
      projectId: key.projectId,
      surface: facts.surface,
      method: facts.method,
      path: facts.path,
      model: null,
      provider: null,
      llmKeyId: null,
      status,
      code,
      streamed: false,
      tokens: null,
      firstByteMs: null,
      totalMs: 0,
      ip: facts.ip,
      metadata: key.metadata,
      ...(facts.tokenId === undefined ? {} : { tokenId: facts.tokenId }),
      ...(facts.mcp === undefined ? {} : { mcp: facts.mcp }),
    },
  };
}

/** A request whose process ended before it was settled: what it used is not known, and that is what is said. */
export function crashedEntry(record: OpenRecord, spent?: Spent): LogEntry {
  return {
    kind: "settled",
    log: {
      requestId: record.requestId,
      atMs: record.atMs,
      keyId: record.keyId,
      projectId: record.projectId,
      surface: record.surface,
      method: "POST",
      path: "",
      model: record.model,
      provider: record.provider,
      llmKeyId: record.llmKeyId,
      status: 500,
      code: "gateway_crashed",
      streamed: false,
      tokens: { input: null, cacheRead: null, cacheWrite: null, output: null, reasoning: null },
      firstByteMs: null,
      totalMs: 0,
      ip: record.ipPrefix,
      metadata: {},
      ...(record.attempt === undefined ? {} : { attempt: record.attempt }),
    },
    generation: record.generation,
    basis: "crash",
    ipPrefix: record.ipPrefix,
    ...(spent === undefined ? {} : { spent }),
  };
}
