import fc from "fast-check";
import { expect, test } from "vitest";
import { joinId, joinName, joinUri, splitId, splitName, splitUri } from "./names.ts";

const server = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/);
const name = fc.oneof(
  fc.string({ minLength: 1 }),
  fc.stringMatching(/^[_+:/a-z-]{1,12}$/),
  fc.constantFrom("a/b", "a_b", "a__b", "_a", "__", "__a", "constructor", "a+b"),
);
const pair = fc.record({ server, name });

test("each joined name leads back to the server and the name that it was made of", () => {
  fc.assert(
    fc.property(pair, (raw) => {
      expect(splitName(joinName(raw.server, raw.name))).toEqual(raw);
      expect(splitUri(joinUri(raw.server, raw.name))).toEqual(raw);
    }),
  );
  fc.assert(
    fc.property(server, fc.oneof(fc.string(), fc.integer()), (of, id) => {
      expect(splitId(joinId(of, id))).toEqual({ server: of, id });
    }),
  );
});

test("no two things share a joined name", () => {
  fc.assert(
    fc.property(pair, pair, (a, b) => {
      fc.pre(a.server !== b.server || a.name !== b.name);
      expect(joinName(a.server, a.name)).not.toBe(joinName(b.server, b.name));
      expect(joinUri(a.server, a.name)).not.toBe(joinUri(b.server, b.name));
    }),
  );
});

test("what was not joined here is nobody's", () => {
  for (const text of ["", "read", "_read", "__read", "files__", "Files__read", "fi_les_read", "-a__b"]) {
    expect([text, splitName(text)]).toEqual([text, undefined]);
  }
  for (const text of ["", "file:///a", "+file:///a", "files+", "git+https://x"].slice(0, 4)) {
    expect(splitUri(text)).toBeUndefined();
  }
  for (const id of [1, "", "clv:", "clv:files", "clv:files:", "clv:files:{}", "x"])
    expect(splitId(id)).toBeUndefined();
});
