/** `--reset`: removes what this stack made in its home, and nothing else, whatever CLAVIGER_HOME points to. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { endLeftovers, lockHome } from "./home-lock.ts";

const OURS = [
  ...["credentials.json", "seed.json", "secrets.json"],
  ...["gateways", "nats", "postgres", "logs", "run"],
];

/** Empties the home; refuses with one line while a stack runs on it. */
export async function resetHome(home: string, report: (line: string) => void): Promise<void> {
  if (!existsSync(home)) return;
  const unlock = lockHome(home);
  try {
    await endLeftovers(home, report);
    for (const name of OURS) rmSync(join(home, name), { recursive: true, force: true });
  } finally {
    unlock();
  }
}
