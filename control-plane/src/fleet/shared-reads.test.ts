import { expect, test } from "vitest";
import { createSharedReads } from "./shared-reads.ts";

function counted(text: string) {
  const reads = {
    n: 0,
    async read() {
      reads.n += 1;
      return `${text}${reads.n}`;
    },
  };
  return reads;
}

const sizeOf = (text: string) => text.length;

test("all who ask for the same thing at once share one read, and get what it read", async () => {
  const shared = createSharedReads({ keepMs: 60_000, bytesMax: 100 }, sizeOf);
  const a = counted("a");
  const b = counted("b");
  const asked = Array.from({ length: 50 }, () => [shared.get("a", a.read), shared.get("b", b.read)]);
  expect(new Set(await Promise.all(asked.flat()))).toEqual(new Set(["a1", "b1"]));
  expect(await shared.get("a", a.read)).toBe("a1");
  expect([a.n, b.n]).toEqual([1, 1]);
});

test("what was read is read again when its time has passed", async () => {
  const shared = createSharedReads({ keepMs: 1, bytesMax: 100 }, sizeOf);
  const a = counted("a");
  await shared.get("a", a.read);
  while ((await shared.get("a", a.read)) === "a1") await new Promise((resolve) => setTimeout(resolve, 1));
  expect(a.n).toBe(2);
});

test("no more is kept than the bytes allow: the earliest goes first, one that is larger at once", async () => {
  const shared = createSharedReads({ keepMs: 60_000, bytesMax: 5 }, sizeOf);
  for (const key of ["a", "b", "c"]) await shared.get(key, counted(key).read);
  expect(await shared.get("c", counted("other").read)).toBe("c1");
  expect(await shared.get("a", counted("A").read)).toBe("A1");
  expect(await shared.get("large", async () => "larger than five")).toBe("larger than five");
  expect(await shared.get("large", async () => "again")).toBe("again");
});

test("that there is nothing is not kept, and of what there is no more than four thousand", async () => {
  const shared = createSharedReads<string | undefined>(
    { keepMs: 60_000, bytesMax: 100_000 },
    (text) => text?.length ?? 0,
  );
  expect(await shared.get("a", async () => undefined)).toBeUndefined();
  expect(await shared.get("a", async () => "there")).toBe("there");
  for (let n = 0; n < 4_096; n++) await shared.get(String(n), async () => "");
  expect(await shared.get("4095", async () => "again")).toBe("");
  expect(await shared.get("a", async () => "again")).toBe("again");
});

test("a failure is told to all who asked, and not kept", async () => {
  const shared = createSharedReads({ keepMs: 60_000, bytesMax: 100 }, sizeOf);
  const failing = () => Promise.reject(new Error("away"));
  const asked = [shared.get("a", failing), shared.get("a", failing)];
  for (const one of asked) await expect(one).rejects.toThrow("away");
  expect(await shared.get("a", async () => "there")).toBe("there");
});
