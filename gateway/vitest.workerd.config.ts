import { dirname } from "node:path";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

/** Tests that run inside workerd, the runtime of Cloudflare Workers: what they import must need nothing of Node. */
export default defineConfig({
  root: dirname(import.meta.dirname),
  cacheDir: "node_modules/.cache/vitest-workerd",
  plugins: [cloudflareTest({ remoteBindings: false, miniflare: { compatibilityDate: "2026-11-01" } })],
  test: {
    include: ["{shared,gateway}/**/*.workerd.test.ts"],
    exclude: ["**/node_modules/**"],
    testTimeout: 30_000,
  },
});
