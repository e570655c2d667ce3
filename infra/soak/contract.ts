/** `npm run soak -- contract`: every end-to-end test of what a gateway promises on each runtime, with its gateways on workerd. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { CHECKOUT } from "../local/definitions.ts";

const vitest = join(CHECKOUT, "node_modules/.bin/vitest");
const { status } = spawnSync(vitest, ["run", "--config", "infra/house/vitest.workers.config.ts"], {
  cwd: CHECKOUT,
  stdio: "inherit",
  env: { ...process.env, CLAVIGER_WHOLE_CONTRACT: "1" },
});
process.exitCode = status ?? 1;
