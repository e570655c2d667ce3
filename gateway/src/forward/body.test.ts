import { readModel } from "@claviger/shared/decide/model";
import { refuse } from "@claviger/shared/decide/refusals";
import { expect, test } from "vitest";
import { readRequestBody, withUpstreamWords } from "./body.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (parts: readonly Uint8Array[]) => Buffer.concat(parts).toString();

function upstream(text: string, model: string, usageOnRequest = true) {
  const body = readRequestBody(encode(text));
  if ("code" in body) throw new Error(body.code);
  const words = withUpstreamWords(body, String(body.model), model, usageOnRequest);
  return [decode(words.parts), words.strip];
}

test("only the model's name is changed, every other byte stays", () => {
  const text = ' {"a":1.0,"model" : "x\\/é" ,"s":"\\u00e9 \\ud83d\\udd11","n":1e2 }\n';
  expect(upstream(text, 'y"z')).toEqual([text.replace('"x\\/é"', '"y\\"z"'), false]);
  expect(upstream('{"model":"echo","stream":false}', "echo")).toEqual([
    '{"model":"echo","stream":false}',
    false,
  ]);
});

test("usage is asked for in a stream, however its options stand, and only there", () => {
  const ask = (options: string) => upstream(`{"model":"m","stream":true${options}}`, "m");
  const forced = (options: string) => [`{"model":"m","stream":true${options}}`, true];
  expect(ask("")).toEqual(['{"stream_options":{"include_usage":true},"model":"m","stream":true}', true]);
  expect(ask(',"stream_options":null')).toEqual(forced(',"stream_options":{"include_usage":true}'));
  expect(ask(',"stream_options":{}')).toEqual(forced(',"stream_options":{"include_usage":true}'));
  expect(ask(',"stream_options":{"x":1}')).toEqual(forced(',"stream_options":{"include_usage":true,"x":1}'));
  expect(ask(',"stream_options":{"x":1,"include_usage":false}')).toEqual(
    forced(',"stream_options":{"x":1,"include_usage":true}'),
  );
  const asked = ',"stream_options":{"include_usage":true}';
  expect(ask(asked)).toEqual([`{"model":"m","stream":true${asked}}`, false]);
  expect(upstream('{"model":"m","stream":true}', "m", false)).toEqual(['{"model":"m","stream":true}', false]);
  expect(upstream('{"model":"m"}', "m")).toEqual(['{"model":"m"}', false]);
});

test("a spliced body keeps its bytes while others are made", () => {
  const made = Array.from({ length: 300 }, (_, n) => {
    const body = readRequestBody(encode(`{"model":"m","n":${n},"pad":"${"x".repeat(n * 40)}"}`));
    if ("code" in body) throw new Error(body.code);
    return withUpstreamWords(body, "m", `model-${n}`, true).parts;
  });
  made.forEach((parts, n) => {
    expect(JSON.parse(decode(parts))).toMatchObject({ model: `model-${n}`, n });
  });
});

test("what is longer than any model is refused like what is longer than a model", () => {
  for (const length of [257, 5_000, 1_000_000]) {
    const body = readRequestBody(encode(`{"model":"${"m".repeat(length)}"}`));
    if ("code" in body) throw new Error(body.code);
    expect(readModel(body.model)).toEqual(refuse("invalid_type", { param: "model" }));
  }
  const digits = "1".repeat(5_000);
  expect(readRequestBody(encode(`{"model":"m","n":${digits}}`))).toMatchObject({ code: "invalid_value" });
  expect(readRequestBody(encode(`{"model":"m","stream":"${digits}"}`))).toMatchObject({
    code: "invalid_type",
  });
});
