import { defineConfig } from "vitest/config";
import { root } from "./root.ts";
import { notUnit } from "./test-kinds.ts";

/** Unit and property tests of all packages: no services, no network beyond loopback. */
export default defineConfig({
  root,
  cacheDir: "node_modules/.cache/vitest-unit",
  test: {
    include: ["{shared,control-plane,gateway,dashboard,infra}/**/*.test.ts"],
    exclude: ["**/node_modules/**", ...notUnit],
    environment: "node",
    pool: "threads",
    // These find what never comes; they promise no speed.
    testTimeout: 60_000,
    expect: { poll: { timeout: 15_000 } },
    restoreMocks: true,
  },
});
