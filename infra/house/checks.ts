import { run } from "./process.ts";
import { pathOf } from "./root.ts";

/** The checks that need no service, in the order in which a reader wants to hear of them. */
export const checks = ["lint", "types", "tidy", "proof"] as const;
export type Check = (typeof checks)[number];

/** What turbo says about itself; a reader looks for the line that names a file. */
const chatter =
  /^(\s+•| ?(Tasks|Failed|ERROR): |\s*Cached: |\s+Time: | ERROR {2}run failed|cache (miss|hit),|\S*#\S+: {2}(WARNING|ERROR) |\s*$)/;

/** Runs one check through turbo (unchanged input: cached). Its output is shown only if it fails. */
export async function runCheck(check: Check): Promise<boolean> {
  const args = ["run", check, "--output-logs=errors-only", "--log-prefix=none", "--log-order=grouped"];
  let output = "";
  const code = await run(pathOf("node_modules/.bin/turbo"), [...args, "--continue=always", "--no-color"], {
    // turbo looks for its package manager on PATH; ours only knows `run`.
    path: [pathOf("infra/house/bin")],
    env: { TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1", TURBO_NO_UPDATE_NOTIFIER: "1" },
    onOutput: (chunk) => {
      output += chunk;
    },
    quiet: true,
  });
  if (code !== 0) console.log(withoutChatter(output));
  return code === 0;
}

/** The lines that name a problem; everything, if nothing else would be left. */
function withoutChatter(output: string): string {
  const lines = output.split("\n").filter((line) => !chatter.test(line));
  return lines.length === 0 ? output : lines.join("\n");
}
