import { defineConfig } from "vitest/config";
import { pathOf, root } from "../house/root.ts";
import { e2eTests, stackTests } from "../house/test-kinds.ts";
import { mutantPlugin } from "./plugin.ts";

/** Tests on real parts, on one mutant, one after the other. */
export default defineConfig({
  root,
  cacheDir: "node_modules/.cache/vitest-mutants",
  plugins: [mutantPlugin()],
  test: {
    // One mutant must not be handed what another one, or the real source, was turned into.
    fsModuleCache: false,
    globalSetup: [pathOf("infra/testing/global-setup.ts")],
    include: [...stackTests, ...e2eTests],
    environment: "node",
    pool: "forks",
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
  },
});
