import { defineConfig } from "vitest/config";
import { pathOf, root } from "./root.ts";
import { browserTests } from "./test-kinds.ts";

/** Tests in a real Chromium against a running stack: one stack for all, so each test makes keys of its own and finds them by name. */
export default defineConfig({
  root,
  cacheDir: "node_modules/.cache/vitest-browser",
  test: {
    globalSetup: [pathOf("infra/e2e/dashboard/global-setup.ts")],
    include: browserTests,
    environment: "node",
    pool: "forks",
    maxWorkers: 2,
    // These find what never comes; they promise no speed.
    testTimeout: 600_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } },
  },
});
