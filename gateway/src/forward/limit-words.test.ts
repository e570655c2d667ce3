import { expect, test } from "vitest";
import { limitEdit } from "./limit-words.ts";

function written(body: string, field: string): unknown {
  const bytes = new TextEncoder().encode(body);
  const { start, end, text } = limitEdit(bytes, { field, tokens: 7 });
  const decoder = new TextDecoder();
  return decoder.decode(bytes.subarray(0, start)) + text + decoder.decode(bytes.subarray(end));
}

test.each([
  ["absent", '{"model":"m"}', "max_tokens", '{"max_tokens":7,"model":"m"}'],
  [
    "null, which is no limit",
    '{"max_tokens": null,"model":"m"}',
    "max_tokens",
    '{"max_tokens": 7,"model":"m"}',
  ],
  ["in an empty object", "{ }", "max_tokens", '{"max_tokens":7 }'],
  [
    "Gemini's, absent",
    '{"contents":[]}',
    "maxOutputTokens",
    '{"generationConfig":{"maxOutputTokens":7},"contents":[]}',
  ],
  [
    "Gemini's, among others",
    '{"generationConfig":{"temperature":1}}',
    "maxOutputTokens",
    '{"generationConfig":{"maxOutputTokens":7,"temperature":1}}',
  ],
  [
    "Gemini's, in the other spelling",
    '{"generation_config":{}}',
    "maxOutputTokens",
    '{"generation_config":{"maxOutputTokens":7}}',
  ],
  [
    "Gemini's, null",
    '{"generationConfig":null}',
    "maxOutputTokens",
    '{"generationConfig":{"maxOutputTokens":7}}',
  ],
])("an output limit is written where the provider reads it, once: %s", (_, body, field, expected) => {
  expect(written(body, field)).toBe(expected);
});
