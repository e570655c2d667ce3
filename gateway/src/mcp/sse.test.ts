import fc from "fast-check";
import { expect, test } from "vitest";
import { type SseEvent, SseReader, writeEvent } from "./sse.ts";

const encoder = new TextEncoder();

function readAll(bytes: Uint8Array, cuts: readonly number[] = []): SseEvent[] {
  const events: SseEvent[] = [];
  const reader = new SseReader(100_000, (event) => events.push(event));
  let from = 0;
  for (const at of [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)) {
    reader.push(bytes.subarray(from, at));
    from = at;
  }
  return events;
}

test("events are read alike wherever their bytes are cut and whatever ends their lines", () => {
  const text = ': hi\n\nevent: message\nid: 1\nretry: 30\ndata: {"a":"ü👋"}\ndata: x\n\ndata:y\nother: z\n\n';
  const expected = [
    { data: "" },
    { data: '{"a":"ü👋"}\nx', id: "1", event: "message", retry: "30" },
    { data: "y" },
  ];
  for (const end of ["\n", "\r\n", "\r"]) {
    const bytes = encoder.encode(text.replaceAll("\n", end) + (end === "\r" ? ":" : ""));
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 6 }), (cuts) => {
        expect(readAll(bytes, cuts)).toEqual(expected);
      }),
    );
  }
});

test("what is written is read as it was", () => {
  const line = fc.stringMatching(/^[^\r\n\0]{0,20}$/);
  const event = fc.record({
    data: fc.array(line, { minLength: 1, maxLength: 3 }).map((lines) => lines.join("\n")),
    id: line,
    event: line,
  });
  fc.assert(
    fc.property(event, (given) => {
      expect(readAll(writeEvent(given))).toEqual([given]);
    }),
  );
});

test("a long line that comes in small pieces costs what it is long, not the square of that", {
  timeout: 120_000,
}, () => {
  const events: SseEvent[] = [];
  const reader = new SseReader(16_000_000, (event) => events.push(event));
  const whole = 8_000_000;
  reader.push(encoder.encode(`data:${"x".repeat(whole)}`));
  const piece = encoder.encode("y");
  // Looked at anew each time, this would be a terabyte.
  for (let n = 0; n < 100_000; n++) reader.push(piece);
  reader.push(encoder.encode("\n\n"));
  expect(events.map(({ data }) => data.length)).toEqual([whole + 100_000]);
});

test("an event that is too long is not gathered", () => {
  const reader = new SseReader(1_000, () => undefined);
  let pushed = 0;
  while (reader.push(encoder.encode("data: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"))) pushed++;
  expect(pushed).toBeLessThan(50);
});
