import { afterAll, beforeAll, expect, test } from "vitest";
import type { MadeKey } from "./support/admin.ts";
import { startWorld, useKey, type World } from "./support/world.ts";

const STALENESS_S = 30;
/** After so long without a freshness proof not even drift and a heartbeat on its way explain an admission. */
const REFUSED_AFTER_MS = (STALENESS_S + 1) * 1_000;

let world: World;
let hasty: MadeKey;
let patient: MadeKey;
let dead: MadeKey;
beforeAll(async () => {
  world = await startWorld();
  const { admin, projectId } = world;
  hasty = await admin.createKey(projectId, { maxStalenessSeconds: STALENESS_S });
  patient = await admin.createKey(projectId);
  dead = await admin.createKey(projectId, { maxStalenessSeconds: STALENESS_S });
  await admin.change("POST", `/api-keys/${dead.id}/revoke`);
});
afterAll(async () => {
  for (const name of ["nats", "control-plane"] as const) world?.stack.child(name).kill("SIGCONT");
  await world?.stack.stop();
});

const sleep = (durationMs: number) => new Promise((resolve) => setTimeout(resolve, durationMs));
const codeOf = (text: string) => (JSON.parse(text) as { error?: { code?: string } }).error?.code;

/** What each gateway answers to a key: `200`, or status and code. */
async function answers(key: MadeKey): Promise<string[]> {
  const uses = world.gateways.map(async ({ url }) => {
    const { status, text } = await useKey(url, key);
    return status === 200 ? "200" : `${status} ${codeOf(text)}`;
  });
  return Promise.all(uses);
}

test("gateways that hear from nobody serve each key for its own maxStalenessSeconds and not longer, and recover", async () => {
  for (const name of ["nats", "control-plane"] as const) world.stack.child(name).kill("SIGSTOP");
  const silentMs = Date.now();
  expect(await answers(hasty)).toEqual(["200", "200"]);
  // A third of its time, so that the heartbeat before the silence and a slow machine fit in the rest.
  await sleep((STALENESS_S * 1_000) / 3);
  expect(await answers(hasty)).toEqual(["200", "200"]);
  await sleep(REFUSED_AFTER_MS - (Date.now() - silentMs));
  expect(await answers(hasty)).toEqual(["503 authorization_stale", "503 authorization_stale"]);
  expect(await answers(patient)).toEqual(["200", "200"]);
  expect(await answers(dead)).toEqual(["401 key_revoked", "401 key_revoked"]);
  for (const name of ["nats", "control-plane"] as const) world.stack.child(name).kill("SIGCONT");
  const recoveredByMs = Date.now() + 60_000;
  while ((await answers(hasty)).join() !== "200,200" && Date.now() < recoveredByMs) await sleep(200);
  expect(await answers(hasty)).toEqual(["200", "200"]);
}, 170_000);
