import { expect, test, vi } from "vitest";
import type { LiveEvent } from "../../events/follow.ts";
import type { Log } from "../../ports.ts";
import { streamOf } from "./events.ts";

test("a reader that takes nothing is let go, and what it followed ends", async () => {
  const over = Promise.withResolvers<void>();
  async function* follow(): AsyncGenerator<LiveEvent> {
    try {
      for (;;) yield { name: "beat", id: "1.1", data: { at: "2026-01-01T00:00:00Z" } };
    } finally {
      over.resolve();
    }
  }
  const ended = new AbortController();
  const log = { debug() {}, info() {}, warn() {}, error() {} } as unknown as Log;
  const onOver = vi.fn();
  const reader = streamOf({ log }, follow(), ended, onOver, 20).getReader();
  expect((await reader.read()).done).toBe(false);
  await over.promise;
  await expect(reader.read()).rejects.toThrow("takes nothing");
  expect([ended.signal.aborted, onOver.mock.calls.length]).toEqual([true, 1]);
});
