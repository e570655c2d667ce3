import { mergeConfig } from "vitest/config";
import unit from "../house/vitest.unit.config.ts";
import { mutantPlugin } from "./plugin.ts";

/** The unit tests, on one mutant. */
export default mergeConfig(unit, {
  cacheDir: "node_modules/.cache/vitest-mutants",
  plugins: [mutantPlugin()],
  // One mutant must not be handed what another one, or the real source, was turned into.
  test: { fsModuleCache: false },
});
