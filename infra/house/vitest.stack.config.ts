import { defineConfig } from "vitest/config";
import { pathOf, root } from "./root.ts";
import { e2eTests, stackTests } from "./test-kinds.ts";

/**
 * Tests on real parts. The global setup gives one PostgreSQL and one nats-server binary to all of them; each test makes
 * its own database and server. The e2e tests start whole stacks and measure, so they run after the others, one file at a time.
 */
export default defineConfig({
  root,
  cacheDir: "node_modules/.cache/vitest-stack",
  test: {
    globalSetup: [pathOf("infra/testing/global-setup.ts")],
    maxWorkers: 2,
    projects: [
      {
        root,
        test: {
          name: "stack",
          include: stackTests,
          environment: "node",
          pool: "forks",
          testTimeout: 120_000,
          hookTimeout: 120_000,
          expect: { poll: { timeout: 30_000 } },
          sequence: { groupOrder: 0 },
        },
      },
      {
        root,
        test: {
          name: "e2e",
          include: e2eTests,
          environment: "node",
          pool: "forks",
          fileParallelism: false,
          maxWorkers: 1,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          expect: { poll: { timeout: 30_000 } },
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
