/** The whole stack for end-to-end tests: `npm start`'s supervisor on free ports and a home of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_GATEWAYS } from "../local/layout.ts";
import { startLocalStack } from "../local/stack.ts";
import type { Stack, StackOptions } from "../local/types.ts";
import { reservePortRange } from "./port-range.ts";

export type TestStackOptions = Partial<StackOptions>;

/** The same tests run on both runtimes: with `workers` here, every gateway that a test asks for is one on workerd. */
function onRuntime(options: TestStackOptions): TestStackOptions {
  if (process.env.CLAVIGER_TEST_RUNTIME !== "workers") return options;
  return {
    ...options,
    gateways: {},
    workers: { ...(options.gateways ?? DEFAULT_GATEWAYS), ...options.workers },
  };
}

/**
 * Starts the stack and resolves when every child is ready. Without `home` a temporary one is made, and `stop()` removes
 * it; without `portBase` free ports are found. A vitest worker that dies takes the stack with it.
 */
export async function startStack(options: TestStackOptions = {}): Promise<Stack> {
  const home = options.home ?? mkdtempSync(join(tmpdir(), "claviger-stack-"));
  const range = options.portBase === undefined ? await reservePortRange() : null;
  const cleanUp = () => {
    range?.release();
    if (options.home === undefined) rmSync(home, { recursive: true, force: true });
  };
  const searchPath = process.env.PATH ?? "";
  const cacheDir = process.env.CLAVIGER_CACHE;
  try {
    const stack = await startLocalStack({
      searchPath,
      ...(cacheDir === undefined ? {} : { cacheDir }),
      ...onRuntime(options),
      home,
      portBase: options.portBase ?? range?.base ?? 0,
    });
    return {
      ...stack,
      // Spreading would freeze the present pids.
      get pids() {
        return stack.pids;
      },
      async stop() {
        await stack.stop();
        cleanUp();
      },
    };
  } catch (error) {
    cleanUp();
    throw error;
  }
}
