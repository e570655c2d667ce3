import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CredentialHeaders, readCredential } from "./credential.ts";

const answer = (headers: CredentialHeaders) => {
  const credential = readCredential(headers);
  return credential.kind === "token" ? credential.token : credential.refusal.code;
};

describe("the answers of §4.3", () => {
  test.each<[CredentialHeaders, string]>([
    [{}, "missing_api_key"],
    [{ authorization: null, "x-api-key": undefined }, "missing_api_key"],
    [{ authorization: "" }, "missing_api_key"],
    [{ authorization: "Bearer" }, "missing_api_key"],
    [{ authorization: "Bearer   " }, "missing_api_key"],
    [{ authorization: " \t ", "x-api-key": "  " }, "missing_api_key"],
    [{ authorization: "Bearer t" }, "t"],
    [{ authorization: "bEARER   t  " }, "t"],
    [{ "x-api-key": "t" }, "t"],
    [{ "x-goog-api-key": "t" }, "t"],
    [{ "api-key": " t" }, "t"],
    [{ authorization: "Bearer ", "x-api-key": "t" }, "t"],
    [{ authorization: "Bearer t", "x-api-key": "t", "api-key": "t" }, "t"],
    [{ authorization: "Bearer t", "x-api-key": "u" }, "ambiguous_credentials"],
    [{ authorization: "Bearer t", "x-api-key": "T" }, "ambiguous_credentials"],
    [{ "x-api-key": "t", "x-goog-api-key": "u" }, "ambiguous_credentials"],
    [{ "x-api-key": "t", "api-key": "u" }, "ambiguous_credentials"],
    [{ authorization: "Basic t", "x-api-key": "t" }, "ambiguous_credentials"],
    [{ authorization: "Bearer a b", "x-api-key": "t" }, "ambiguous_credentials"],
    [{ authorization: "Basic dXNlcjpwYXNz" }, "malformed_api_key"],
    [{ authorization: "t" }, "malformed_api_key"],
    [{ authorization: "t", "x-api-key": "t" }, "malformed_api_key"],
    [{ authorization: "Bearert" }, "malformed_api_key"],
    [{ authorization: "Bearer\tt" }, "malformed_api_key"],
    [{ authorization: "Bearer a b" }, "malformed_api_key"],
    [{ authorization: "Bearer a, Bearer b" }, "malformed_api_key"],
    [{ authorization: "Bearer a\u0000b" }, "malformed_api_key"],
    [{ authorization: "Bearer é" }, "malformed_api_key"],
    [{ "x-api-key": "ａ" }, "malformed_api_key"],
    [{ "x-api-key": "a\u00a0" }, "malformed_api_key"],
    [{ "x-api-key": "a".repeat(4096) }, "a".repeat(4096)],
    [{ "x-api-key": "a".repeat(4097) }, "malformed_api_key"],
  ])("%j", (headers, expected) => expect(answer(headers)).toBe(expected));
});

const value = fc.option(
  fc.oneof(
    fc.constantFrom("", "Bearer", "Bearer a", "a", "b", "Basic a"),
    fc.string().map((text) => `Bearer ${text}`),
    fc.string({ unit: "binary" }),
  ),
  { nil: undefined },
);

test("whatever the headers hold: a visible ASCII token of one of them, or one of the three refusals", () => {
  const headers = fc.record({
    authorization: value,
    "x-api-key": value,
    "x-goog-api-key": value,
    "api-key": value,
  });
  fc.assert(
    fc.property(headers, (given) => {
      const credential = readCredential(given);
      if (credential.kind === "token") {
        expect(credential.token).toMatch(/^[\x21-\x7e]{1,4096}$/);
        const held = Object.values(given).some((each) => each?.includes(credential.token));
        expect(held).toBe(true);
      } else {
        expect(["missing_api_key", "ambiguous_credentials", "malformed_api_key"]).toContain(
          credential.refusal.code,
        );
      }
    }),
    { numRuns: 2000 },
  );
});

test("the order of the headers decides nothing", () => {
  const bare = fc.constantFrom("", "a", "b", "a b");
  fc.assert(
    fc.property(bare, bare, bare, (a, b, c) => {
      const one = answer({ "x-api-key": a, "x-goog-api-key": b, "api-key": c });
      expect(answer({ "x-api-key": c, "x-goog-api-key": a, "api-key": b })).toBe(one);
      expect(answer({ "x-api-key": b, "x-goog-api-key": c, "api-key": a })).toBe(one);
    }),
  );
});

test("blanks inside a header cost no quadratic time", () => {
  // So many that quadratic time is minutes, which no test has; linear is some milliseconds.
  const authorization = `Bearer a${" ".repeat(1_000_000)}b`;
  expect(answer({ authorization })).toBe("malformed_api_key");
});
