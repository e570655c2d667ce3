/** A gateway's folder, copied, altered, and started in this process while there is nobody that it could ask. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startReplica } from "../../../gateway/src/runtime/node/compose.ts";
import { readConfig } from "../../../gateway/src/runtime/node/config.ts";
import { createStateStore } from "../../../gateway/src/runtime/node/state-store.ts";
import { ensureSecrets } from "../../local/secrets.ts";
import type { World } from "./world.ts";

/** A gateway's home as it lay there when it was copied. */
export interface Copied {
  /** The folder of its one replica. */
  readonly folder: string;
  /** Another copy of it, to be altered. */
  again(): Copied;
  remove(): void;
}

export interface ColdReplica {
  readonly url: string;
  /** What it complained about, one text per line of its log. */
  readonly complaints: readonly string[];
  stop(): Promise<void>;
}

const SLOT = "0";

/** Copies a gateway's home: whole files where nothing writes to it, and a whole beginning of each log where something does. */
export function copyGateway(world: World, gateway: string): Copied {
  return copyOf(join(world.stack.home, "gateways", gateway));
}

function copyOf(home: string): Copied {
  const copy = copiedWhole(home);
  return {
    folder: join(copy, SLOT),
    again: () => copyOf(copy),
    remove: () => rmSync(copy, { recursive: true, force: true }),
  };
}

/** A running gateway renames files into their places: a copy during which one came or went is thrown away. */
function copiedWhole(home: string): string {
  for (let attempt = 1; ; attempt++) {
    const copy = mkdtempSync(join(tmpdir(), "claviger-cold-"));
    try {
      cpSync(home, copy, { recursive: true });
      return copy;
    } catch (error) {
      rmSync(copy, { recursive: true, force: true });
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" || attempt === 50) throw error;
    }
  }
}

function masterKeyOf(world: World, gateway: string): string {
  return ensureSecrets(world.stack.home, []).gatewayMasterKeys[gateway] ?? "";
}

/** Starts the replica that lies in a copy; rejects with its own words when it does not start. */
export async function startCold(world: World, gateway: string, copied: Copied): Promise<ColdReplica> {
  const complaints: string[] = [];
  const tell = (fields: object, message: string) => {
    complaints.push(`${message}: ${"complaint" in fields ? fields.complaint : ""}`);
  };
  const config = readConfig({
    CLAVIGER_CONTROL_PLANE_URL: world.stack.urls.controlPlane,
    CLAVIGER_GATEWAY_HOME: join(copied.folder, ".."),
    CLAVIGER_GATEWAY_MASTER_KEY: masterKeyOf(world, gateway),
    CLAVIGER_EGRESS_ALLOW: new URL(world.sandboxUrl).host,
    PORT: "0",
  });
  const replica = await startReplica(config, { debug() {}, info() {}, warn() {}, error: tell });
  return {
    url: `http://127.0.0.1:${replica.port}`,
    complaints,
    stop: () => replica.stop(),
  };
}

/** Starts an altered copy of a gateway and looks at it; a failure says `what` was altered. */
export async function inCopy(
  world: World,
  gateway: string,
  what: string,
  from: Copied,
  alter: (copied: Copied) => void | Promise<void>,
  look: (cold: ColdReplica) => Promise<void>,
): Promise<void> {
  const copied = from.again();
  try {
    await alter(copied);
    const cold = await startCold(world, gateway, copied);
    try {
      await look(cold);
    } finally {
      await cold.stop();
    }
  } catch (error) {
    throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  } finally {
    copied.remove();
  }
}

/** Writes all that a copy holds once more, as its next generation; what was there is then the generation before. */
export async function addGeneration(
  world: World,
  gateway: string,
  copied: Copied,
  replica: string,
): Promise<void> {
  const key = new Uint8Array(Buffer.from(masterKeyOf(world, gateway), "base64"));
  const store = createStateStore(copied.folder, key, replica);
  const { records, condition } = await store.load();
  if (condition !== "whole") throw new Error(`the state that was copied is ${condition}`);
  await store.replace(records.slice(0, -1));
  await store.append(records.slice(-1));
  await store.close();
}

/** Flips one bit of the byte at that place, counted from the end when negative. */
export function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  const place = at < 0 ? bytes.length + at : at;
  bytes[place] = (bytes[place] ?? 0) ^ (1 << (place % 8));
  writeFileSync(path, bytes);
}

/** Every file of the replica with its size, the state's files apart from the others. */
export function filesOf(copied: Copied): { state: Map<string, number>; others: Map<string, number> } {
  const state = new Map<string, number>();
  const others = new Map<string, number>();
  for (const entry of readdirSync(copied.folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const size = statSync(path).size;
    if (size > 0)
      (entry.name.startsWith("state") ? state : others).set(path.slice(copied.folder.length + 1), size);
  }
  return { state, others };
}
