import { expect, test } from "vitest";
import { Speech } from "./speech.ts";

const encoder = new TextEncoder();

/** Whether anything is heard in the stream, cut into two pieces at that byte. */
function isHeard(stream: string, at: number): boolean {
  const speech = new Speech();
  const bytes = encoder.encode(stream);
  speech.hear(bytes.subarray(0, at));
  speech.hear(bytes.subarray(at));
  return speech.wasHeard();
}

const SILENCE = [
  ": ping\n\n",
  ":\r\n\r\n",
  ": OPENROUTER PROCESSING and so on and so on, longer than what is looked at\n\n",
  'event: ping\ndata: {"type": "ping"}\n\n',
  'event: ping\r\ndata: {"type":"ping"}\r\n\r\n',
  ": data: not\r\rretry: 10\n\nid: 4\n\n",
];
const DATA = [
  "data: 1\n\n",
  'data:{"type":"content_block_delta","delta":{}}\n\n',
  'event: message_start\ndata: {"type":"message_start"}\n\n',
  "data\r\r",
];

test("comments and pings are silence, data is not, wherever the stream is cut", () => {
  for (const silence of SILENCE) {
    for (let at = 0; at <= silence.length; at++)
      expect([silence, at, isHeard(silence, at)]).toEqual([silence, at, false]);
    for (const data of DATA) {
      const both = silence + data + silence;
      for (let at = 0; at <= both.length; at++)
        expect([both, at, isHeard(both, at)]).toEqual([both, at, true]);
    }
  }
});

test("each question is about what came since the last one, also behind what was not looked at", () => {
  const speech = new Speech();
  const hear = (text: string) => speech.hear(encoder.encode(text));
  hear("data: 1\n\n");
  hear("data: 2\n\n: pi");
  expect([speech.wasHeard(), speech.wasHeard()]).toEqual([true, false]);
  // The rest of a line that nobody looked at is taken for data, once.
  hear("ng\n\n");
  expect(speech.wasHeard()).toBe(true);
  hear(": ping\n\n");
  expect(speech.wasHeard()).toBe(false);
});
