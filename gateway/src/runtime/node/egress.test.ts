import type { LookupAddress } from "node:dns";
import { expect, test } from "vitest";
import { egressMode, guardedLookup, parseEgressAllow } from "./egress.ts";

const none = parseEgressAllow("");

test("an origin is judged before any name is resolved", () => {
  const allow = parseEgressAllow("127.0.0.1:8709, sandbox.local:80, 10.1.0.0/16, fd00::/8");
  const cases: [string, string][] = [
    ["https://api.openai.com", "public"],
    ["http://api.openai.com", "listed"],
    ["http://127.0.0.1:8709", "open"],
    ["http://127.0.0.1:8710", "blocked"],
    ["https://127.0.0.1", "blocked"],
    ["https://2130706433", "blocked"],
    ["https://0x7f.1", "blocked"],
    ["https://[::1]", "blocked"],
    ["https://[::ffff:169.254.169.254]", "blocked"],
    ["https://1.1.1.1", "open"],
    ["http://1.1.1.1", "blocked"],
    ["http://10.1.2.3:11434", "open"],
    ["https://10.2.2.3", "blocked"],
    ["http://[fd12::1]:8000", "open"],
    ["http://sandbox.local", "open"],
    ["https://metadata.google.internal", "blocked"],
    ["https://METADATA.google.internal.", "blocked"],
    ["ftp://api.openai.com", "blocked"],
    ["nonsense", "blocked"],
  ];
  for (const [origin, mode] of cases) expect([origin, egressMode(allow, origin)]).toEqual([origin, mode]);
  expect(() => parseEgressAllow("localhost")).toThrow('"localhost"');
});

test("a name is connected to only when every address it has may be, and each look-up is judged anew", async () => {
  const answers: string[][] = [["93.184.216.34"], ["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], []];
  const resolve = (_host: string, _options: object, done: (e: null, found: LookupAddress[]) => void) =>
    done(
      null,
      (answers.shift() ?? []).map((address) => ({ address, family: 4 })),
    );
  const lookup = guardedLookup(none, "public", resolve);
  const ask = (all: boolean) =>
    new Promise((settle) =>
      lookup("rebinding.example", { all }, (error, address) => settle(error?.message ?? address)),
    );
  expect(await ask(false)).toBe("93.184.216.34");
  for (let n = 0; n < 3; n++) expect(await ask(true)).toMatch(/may connect to/);
});

test("plain http reaches only what the operator listed", async () => {
  const resolve = (_host: string, _options: object, done: (e: null, found: LookupAddress[]) => void) =>
    done(null, [{ address: "10.1.0.9", family: 4 }]);
  const ask = (list: string) =>
    new Promise((settle) =>
      guardedLookup(parseEgressAllow(list), "listed", resolve)("vllm", { all: true }, (error, found) =>
        settle(error === null ? found : error.message),
      ),
    );
  expect(await ask("10.1.0.0/16")).toEqual([{ address: "10.1.0.9", family: 4 }]);
  expect(await ask("")).toMatch(/may connect to/);
});
