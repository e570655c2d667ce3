import { run } from "./process.ts";
import { pathOf } from "./root.ts";

/** The checks that need no service, in the order in which a reader wants to hear of them. */
export const checks = ["lint", "types", "tidy"] as const;
export type Check = (typeof checks)[number];

/** Runs one check through turbo (unchanged input: cached). Its output is shown only if it fails. */
export async function runCheck(check: Check): Promise<boolean> {
  const args = ["run", check, "--output-logs=errors-only", "--log-prefix=none", "--log-order=grouped"];
  const code = await run(pathOf("node_modules/.bin/turbo"), [...args, "--continue=always"], {
    // turbo looks for its package manager on PATH; ours only knows `run`.
    path: [pathOf("infra/house/bin")],
    env: { TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1", TURBO_NO_UPDATE_NOTIFIER: "1" },
    quietUnlessFailed: true,
  });
  return code === 0;
}
