/** The short form of `npm run soak -- mcp-rolling`. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { runRoundRobin } from "./round-robin.ts";
import { type RunningServer, startEverything } from "./servers.ts";

const WAIT_MS = 240_000;
let everything: RunningServer;

beforeAll(async () => {
  everything = await startEverything();
}, WAIT_MS);

afterAll(() => everything?.stop());

test(
  "behind a round-robin every gateway answers for every session, while one after another is started anew",
  async () => {
    const settings = { restarts: 6, everyMs: 300, clientsOfEach: 1 };
    const outcome = await runRoundRobin({ url: everything.url, ...settings });
    expect(outcome.failures).toEqual([]);
    expect(outcome.calls).toBeGreaterThan(settings.restarts);
  },
  WAIT_MS,
);
