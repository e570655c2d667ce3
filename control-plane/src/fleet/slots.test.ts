import { expect, test } from "vitest";
import { createSlots } from "./slots.ts";

test("of one group there is never more under way than may be, in order, also after a failure; groups do not meet", async () => {
  const inSlot = createSlots(2);
  const begun: string[] = [];
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const start = (group: string, name: string) => {
    const gate = Promise.withResolvers<void>();
    gates.set(name, gate);
    return inSlot(group, () => {
      begun.push(name);
      return gate.promise;
    });
  };
  const a = start("one", "a");
  const b = start("one", "b");
  const c = start("one", "c");
  const d = start("one", "d");
  const other = start("two", "other");
  expect(begun).toEqual(["a", "b", "other"]);
  gates.get("b")?.reject(new Error("no"));
  await expect(b).rejects.toThrow("no");
  expect(begun).toEqual(["a", "b", "other", "c"]);
  for (const gate of gates.values()) gate.resolve();
  await Promise.all([a, c, d, other]);
  expect(begun).toEqual(["a", "b", "other", "c", "d"]);
});
