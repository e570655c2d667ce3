import { defineConfig } from "vitest/config";
import { pathOf, root } from "./root.ts";
import { contractTests, longContractTests } from "./test-kinds.ts";

/**
 * The contract of a gateway on its other runtime: the end-to-end tests that the `stack` stage runs on Node, file for file,
 * with every gateway that they ask for on workerd. What is left out stands in docs/workers.md with its reason.
 */
export default defineConfig({
  root,
  cacheDir: "node_modules/.cache/vitest-workers",
  test: {
    globalSetup: [pathOf("infra/testing/global-setup.ts")],
    env: { CLAVIGER_TEST_RUNTIME: "workers" },
    include:
      process.env.CLAVIGER_WHOLE_CONTRACT === undefined
        ? contractTests
        : [...contractTests, ...longContractTests],
    environment: "node",
    pool: "forks",
    fileParallelism: false,
    maxWorkers: 1,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
  },
});
