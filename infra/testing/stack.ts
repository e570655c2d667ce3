/** The whole stack for end-to-end tests: `npm start`'s supervisor on free ports and a home of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PORT_SPAN } from "../local/layout.ts";
import { isPortFree } from "../local/ports.ts";
import { startLocalStack } from "../local/stack.ts";
import type { Stack, StackOptions } from "../local/types.ts";

export type TestStackOptions = Partial<StackOptions>;

/** Below the range that systems give to outgoing connections, so that none of those lands on a port of ours. */
const FIRST_BASE = 20_000;
const BASES = 240;

/**
 * Starts the stack and resolves when every child is ready. Without `home` a temporary one is made, and `stop()` removes
 * it; without `portBase` free ports are found. A vitest worker that dies takes the stack with it.
 */
export async function startStack(options: TestStackOptions = {}): Promise<Stack> {
  const home = options.home ?? mkdtempSync(join(tmpdir(), "claviger-stack-"));
  const removeHome = () => {
    if (options.home === undefined) rmSync(home, { recursive: true, force: true });
  };
  const searchPath = process.env.PATH ?? "";
  const cacheDir = process.env.CLAVIGER_CACHE;
  try {
    const stack = await startLocalStack({
      searchPath,
      ...(cacheDir === undefined ? {} : { cacheDir }),
      ...options,
      home,
      portBase: options.portBase ?? (await findPortBase()),
    });
    return {
      ...stack,
      get pids() {
        return stack.pids;
      },
      async stop() {
        await stack.stop();
        removeHome();
      },
    };
  } catch (error) {
    removeHome();
    throw error;
  }
}

async function findPortBase(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const base = FIRST_BASE + 50 * Math.floor(Math.random() * BASES);
    const span = Array.from({ length: PORT_SPAN }, (_, offset) => base + offset);
    const free = await Promise.all(span.map(isPortFree));
    if (free.every(Boolean)) return base;
  }
  throw new Error("found no free range of ports");
}
