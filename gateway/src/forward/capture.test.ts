import { makeApiKey } from "@claviger/shared/key/secret";
import { expect, test } from "vitest";
import type { Answer } from "../ports.ts";
import { CapturingAnswer } from "./capture.ts";

const encoder = new TextEncoder();
const KEPT = 16 * 1024;

/** Somebody at the other end, who remembers what came. */
function caller() {
  const got: Uint8Array[] = [];
  const answer: Answer = {
    begun: false,
    head() {},
    write: (bytes) => got.push(bytes) > 0,
    end: (bytes) => void (bytes !== undefined && got.push(bytes)),
    cut() {},
    onDrained() {},
    onGone() {},
  };
  return { answer, text: () => Buffer.concat(got).toString() };
}

function captured(
  parts: readonly string[],
  { type = "text/event-stream", request = "{}", secrets = [""] } = {},
) {
  const { answer, text } = caller();
  const capture = new CapturingAnswer(answer);
  capture.head(200, ["content-type", type]);
  for (const part of parts) capture.write(encoder.encode(part));
  capture.end();
  expect(text()).toBe(parts.join(""));
  return capture.bodies(encoder.encode(request), "application/json; charset=utf-8", secrets);
}

const { secret } = makeApiKey((size) => crypto.getRandomValues(new Uint8Array(size)));

test("what was said is kept as it was said", () => {
  const { request, response } = captured(["data: Grü", "ße\n\n"], { request: '{"model":"echo"}' });
  expect(request).toEqual({ text: '{"model":"echo"}', bytes: 16, truncated: false });
  expect(response).toEqual({ text: "data: Grüße\n\n", bytes: 15, truncated: false });
});

test("no key of ours, no credential in use and nothing shaped like one is kept, wherever a chunk cuts it", () => {
  const credential = 'odd"secret.with+signs';
  const foreign = ["sk-proj-0123456789abcdefXYZ", `AIza${"x".repeat(35)}`, `gsk_${"a".repeat(32)}`];
  const hidden = [
    secret,
    credential,
    `clve_${"h".repeat(20)}.${"p".repeat(30)}.${"s".repeat(40)}`,
    ...foreign,
  ];
  for (const each of hidden) {
    const whole = JSON.stringify({ text: `before ${each} after` });
    for (let at = 1; at < whole.length; at += 7) {
      const both = { request: whole, secrets: [credential] };
      const { request, response } = captured([whole.slice(0, at), whole.slice(at)], both);
      expect(request.text).toBe('{"text":"before [redacted] after"}');
      expect(response.text).toBe(request.text);
    }
  }
});

test("of a long text the beginning is kept, and never a part of a secret at its end", () => {
  const long = captured(["x".repeat(100_000)]).response;
  expect(long).toEqual({ text: "x".repeat(KEPT), bytes: 100_000, truncated: true });
  for (const filler of ["a ", "鍵 "]) {
    const size = encoder.encode(filler).length;
    for (let before = KEPT - secret.length - 8; before < KEPT + 8; before += size) {
      const head = filler.repeat(Math.floor(before / size));
      const { text } = captured([head, secret, ` ${filler.repeat(20_000)}`]).response;
      expect(text).not.toContain("clv_live_");
      expect(text).not.toContain(secret.slice(-12));
    }
  }
  // Secrets that were taken out make no room for what lies beyond.
  const many = `${`${secret} `.repeat(240)}${"y".repeat(20_000)}`;
  expect(captured([many]).response.text).not.toContain("y".repeat(KEPT / 2));
});

test("what is not text is only counted", () => {
  const { response } = captured(["\u0000\u0001"], { type: "audio/mpeg" });
  expect(response).toEqual({ text: null, bytes: 2, truncated: false });
  const { answer } = caller();
  const encoded = new CapturingAnswer(answer);
  encoded.head(200, ["content-type", "application/json", "content-encoding", "br"]);
  encoded.end(encoder.encode("???"));
  const said = encoded.bodies(encoder.encode("--b"), "multipart/form-data; boundary=b", []);
  expect(said).toEqual({
    request: { text: null, bytes: 3, truncated: false },
    response: { text: null, bytes: 3, truncated: false },
  });
});

test("however it is escaped, a row with both sides fits into one part of an answer", () => {
  const worst = "\u0001".repeat(100_000);
  const bodies = captured([worst], { request: worst });
  expect(encoder.encode(JSON.stringify(bodies)).length).toBeLessThan(200 * 1024);
});
