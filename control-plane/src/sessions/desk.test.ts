import { expect, test } from "vitest";
import { createDesk } from "./desk.ts";

/** Works that end when they are told to; `begun` in the order of their turns. */
function works() {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const work = (name: string) => () =>
    new Promise<void>((resolve) => {
      begun.push(name);
      ends.set(name, resolve);
    });
  return { begun, work, end: (name: string) => ends.get(name)?.() };
}

const refused = { code: "rate_limit_exceeded", extra: { retryAfterSeconds: 1 } };

test("two are looked at at once, the others in the order in which they came", async () => {
  const desk = createDesk();
  const { begun, work, end } = works();
  const all = ["a", "b", "c", "d"].map((name) => desk.take(name, work(name)));
  expect(begun).toEqual(["a", "b"]);
  end("b");
  await all[1];
  await expect.poll(() => begun).toEqual(["a", "b", "c"]);
  end("c");
  await all[2];
  await expect.poll(() => begun).toEqual(["a", "b", "c", "d"]);
  end("a");
  end("d");
  await Promise.all(all);
});

test("one address fills a part of the queue; all together fill it, and who comes then may come again", async () => {
  const desk = createDesk();
  const { begun, work, end } = works();
  const all = Array.from({ length: 10 }, (_, i) => desk.take("flood", work(`flood ${i}`)));
  expect(() => desk.requireRoom("flood")).toThrow(expect.objectContaining(refused));
  await expect(desk.take("flood", work("one more"))).rejects.toMatchObject(refused);
  all.push(...Array.from({ length: 8 }, (_, i) => desk.take(`other ${i}`, work(`other ${i}`))));
  await expect(desk.take("late", work("late"))).rejects.toMatchObject(refused);
  while (begun.length < 18) {
    for (const name of [...begun]) end(name);
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (const name of begun) end(name);
  await Promise.all(all);
  const late = desk.take("late", work("late"));
  expect(begun.at(-1)).toBe("late");
  end("late");
  await late;
});

test("a look that fails gives its place free", async () => {
  const desk = createDesk();
  for (let i = 0; i < 3; i += 1) {
    await expect(desk.take("a", () => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  }
  await expect(desk.take("a", async () => "fine")).resolves.toBe("fine");
});
