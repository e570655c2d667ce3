/**
 * A process of its own, whose files may not grow beyond a limit: writes to each kind of file until the disk takes no
 * more, and prints what it was told is there.
 */
import { join } from "node:path";
import type { LogEntry, OpenRecord } from "../../../ports.ts";
import { openLogStore } from "../log-store.ts";
import { openOpenJournal } from "../open-journal.ts";
import { createStateStore } from "../state-store.ts";

export const REPLICA = "rep_000000000001";
export const MASTER = new Uint8Array(32).fill(7);

export interface Taken {
  /** Records of the state, entries of the log, and open records that were acknowledged. */
  readonly state: string[];
  readonly log: number[];
  readonly open: string[];
}

const PADDING = "x".repeat(1_500);

export const stateRecord = (n: number): Buffer => Buffer.from(`${n} ${PADDING}`);

export function changeEntry(rev: number): LogEntry {
  const actor = { kind: "member", id: "mem_000000000001", name: PADDING } as const;
  const audit = { kind: "change", epoch: 1, rev, action: "api-key.create", actor } as const;
  return { kind: "change", atMs: rev, audit: { ...audit, ids: [] } };
}

function openRecord(requestId: string): OpenRecord {
  return {
    requestId,
    atMs: 1,
    keyId: "key_000000000001",
    generation: 1,
    projectId: "prj_000000000001",
    surface: PADDING,
    provider: "sandbox",
    llmKeyId: "llm_000000000001",
    model: "echo",
    ipPrefix: "",
  };
}

/** Calls it with 1, 2, 3 … until it fails, and then once more; what it succeeded with. */
async function untilFull(write: (n: number) => Promise<unknown>): Promise<number[]> {
  const taken: number[] = [];
  let failures = 0;
  for (let n = 1; failures < 2; n++) {
    if (n > 10_000) throw new Error("this disk has no end");
    try {
      await write(n);
      taken.push(n);
    } catch {
      failures++;
    }
  }
  return taken;
}

const folder = process.argv[2];
if (folder !== undefined && import.meta.main) {
  const state = createStateStore(join(folder, "state"), MASTER, REPLICA);
  await state.load();
  const inState = await untilFull((n) => state.append([stateRecord(n)]));
  const log = await openLogStore(join(folder, "log.sqlite"), REPLICA);
  const inLog = await untilFull((n) => log.append({ entries: [changeEntry(n)], usageCursor: 0 }));
  const journal = await openOpenJournal(join(folder, "open"));
  const open = await untilFull((n) => journal.open(openRecord(`req_${n}`)));
  const taken: Taken = {
    state: inState.map((n) => stateRecord(n).toString()),
    log: inLog,
    open: open.map((n) => `req_${n}`),
  };
  process.stdout.write(JSON.stringify(taken), () => process.exit());
}
