import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Beats, createBeats } from "./beats.ts";

let sent: { atMs: number; end: (answered: boolean) => void }[] = [];
let beats: Beats;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  sent = [];
  const send = () => new Promise<boolean>((end) => sent.push({ atMs: Date.now(), end }));
  beats = createBeats(send, Date.now, () => 0.5);
});
afterEach(() => {
  beats.stop();
  vi.useRealTimers();
});

/** Says all of it, one item every 10 ms, each answered at once. */
async function say(items: number, say: () => void): Promise<number> {
  const before = sent.length;
  for (let n = 0; n < items; n++) {
    say();
    for (const { end } of sent) end(true);
    await vi.advanceTimersByTimeAsync(10);
  }
  return sent.length - before;
}

test("news are told at once, and those of the same 20 ms together", async () => {
  beats.start();
  await vi.advanceTimersByTimeAsync(100);
  beats.news();
  expect(sent).toHaveLength(2);
  expect(await say(200, () => beats.news())).toBe(100);
});

test("news of a fetch that runs are told once a second, and what is left when it ends", async () => {
  beats.start();
  beats.hold(true);
  expect(await say(290, () => beats.news())).toBe(2);
  beats.hold(false);
  await vi.advanceTimersByTimeAsync(20);
  expect(sent).toHaveLength(4);
  // Nothing was left to say.
  beats.hold(true);
  beats.hold(false);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(sent).toHaveLength(4);
});

test("who asks is answered at once, also while news are held back", async () => {
  beats.start();
  await vi.advanceTimersByTimeAsync(100);
  beats.hold(true);
  beats.news();
  expect(sent).toHaveLength(1);
  beats.soon();
  expect(sent).toHaveLength(2);
  beats.news();
  beats.soon();
  await vi.advanceTimersByTimeAsync(20);
  expect(sent).toHaveLength(3);
});

test("while a fetch runs a heartbeat goes out in each period all the same", async () => {
  beats.start();
  beats.hold(true);
  for (const { end } of sent) end(true);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(sent).toHaveLength(2);
});

test("after a failure the next comes soon, and one that is slow is not asked again for that", async () => {
  beats.start();
  sent[0]?.end(false);
  await vi.advanceTimersByTimeAsync(500);
  expect(sent).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(9_000);
  expect(sent).toHaveLength(2);
  sent[1]?.end(false);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(sent).toHaveLength(3);
});

test("news wait for the next try while nobody answers, and are told at once when somebody does", async () => {
  beats.start();
  const refuse = async (ms: number) => {
    const before = sent.length;
    for (let passedMs = 0; passedMs < ms; passedMs += 10) {
      beats.news();
      for (const { end } of sent) end(false);
      await vi.advanceTimersByTimeAsync(10);
    }
    return sent.length - before;
  };
  expect(await refuse(20_000)).toBeLessThan(12);
  const before = sent.length;
  beats.soon();
  beats.news();
  expect(sent).toHaveLength(before + 1);
  sent.at(-1)?.end(true);
  await vi.advanceTimersByTimeAsync(20);
  expect(sent).toHaveLength(before + 2);
});

test("who asks is answered at once, also after a failure", async () => {
  beats.start();
  sent[0]?.end(false);
  await vi.advanceTimersByTimeAsync(30);
  beats.soon();
  expect(sent).toHaveLength(2);
});
