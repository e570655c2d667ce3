import { afterAll, beforeAll, expect, test, vi } from "vitest";
import * as z from "zod";
import type { MadeKey } from "./support/admin.ts";
import { startWorld, type World } from "./support/world.ts";

const Entries = z.object({
  data: z.array(z.object({ id: z.string(), attributes: z.looseObject({}) })),
  meta: z.looseObject({ answered: z.array(z.unknown()), missing: z.array(z.unknown()) }),
});
type Entry = z.infer<typeof Entries>["data"][number];

let world: World;
let key: MadeKey;
beforeAll(async () => {
  world = await startWorld();
  key = await world.admin.createKey(world.projectId);
  const act = (verb: string, body?: unknown) =>
    world.admin.change("POST", `/api-keys/${key.id}/${verb}`, body);
  await act("rotate");
  await act("deactivate");
  await act("activate");
  await act("revoke", { reason: "left the company" });
  await world.admin.change("DELETE", `/api-keys/${key.id}`);
});
afterAll(() => world?.stack.stop());

/** The audit of both gateways about our key. */
async function readAudit(query = ""): Promise<z.infer<typeof Entries>> {
  const answer = await world.admin.call("GET", `/audit?page[size]=200${query}`);
  expect(`${answer.status} ${answer.text}`).toMatch(/^200 /);
  return Entries.parse(answer.json);
}

const about = (entry: Entry) => JSON.stringify(entry.attributes).includes(key.id);
const on = (entry: Entry, gateway: string) => JSON.stringify(entry).includes(`"${gateway}"`);
const actionOf = (entry: Entry) =>
  String(entry.attributes.action ?? (entry.attributes.entry as Record<string, unknown>)?.action);

test.each(["create", "rotate", "deactivate", "activate", "revoke", "delete"])(
  "the %s of a key stands on both gateways, with who did it",
  async (verb) => {
    await vi.waitFor(
      async () => {
        const { data } = await readAudit();
        for (const { name } of world.gateways) {
          const entries = data.filter(
            (entry) => about(entry) && on(entry, name) && actionOf(entry).endsWith(`.${verb}`),
          );
          expect({ name, count: entries.length }).toEqual({ name, count: 1 });
          expect(entries[0]?.attributes.actor).toMatchObject({
            kind: "token",
            name: world.credentials.adminEmail,
          });
          if (verb === "revoke") expect(JSON.stringify(entries[0]?.attributes)).toContain("left the company");
        }
      },
      { timeout: 30_000 },
    );
  },
);

test("the answer names the gateways that were asked, and which of them are missing", async () => {
  const { meta } = await readAudit();
  expect(JSON.stringify(meta.answered)).toContain("eu-1");
  expect(JSON.stringify(meta.answered)).toContain("us-1");
  expect(meta.missing).toEqual([]);
});

test("nothing of a secret stands in the audit", async () => {
  const answer = await world.admin.call("GET", "/audit");
  expect(answer.text).not.toContain(key.secret);
  expect(answer.text).not.toContain(key.secret.slice(-40));
});
