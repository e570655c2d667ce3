import { expect, test } from "vitest";
import type { Ports } from "../ports.ts";
import { createReplicaAlarm } from "./alarms.ts";

test("an alarm that the database does not take is logged, and does not fail what raised it", async () => {
  const warned: object[] = [];
  const ports = {
    db: {
      select() {
        throw new Error("the query", { cause: new Error("away") });
      },
    },
    clock: { nowMs: () => 1_000_000 },
    log: { warn: (fields: object) => void warned.push(fields) },
  } as unknown as Ports;
  await createReplicaAlarm(ports)({ orgId: "org_1", replicaId: "rep_1" }, "state_damaged");
  expect(warned).toEqual([{ cause: "away", alarm: "state_damaged", replica: "rep_1" }]);
});
