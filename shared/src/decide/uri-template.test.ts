import fc from "fast-check";
import { expect, test } from "vitest";
import { matchesTemplate, mayMean, spellingsOf } from "./uri-template.ts";

test("a template stands for the URIs that it is filled with, and for no others", () => {
  const cases: [string, string, boolean][] = [
    ["demo://resource/dynamic/text/{id}", "demo://resource/dynamic/text/7", true],
    ["demo://resource/dynamic/text/{id}", "demo://resource/dynamic/text/7/8", false],
    ["demo://resource/dynamic/text/{id}", "demo://resource/dynamic/blob/7", false],
    ["demo://resource/dynamic/text/{id}", "demo://resource/dynamic/text/", false],
    ["file:///{+path}", "file:///a/b/c.txt", true],
    ["file:///{+path}", "file:///a/../c.txt", false],
    ["file:///{+path}", "file:///a/%2e%2e/c.txt", false],
    ["file:///{+path}", "file:///a/..%2Fc.txt", false],
    ["x://{a}/{b}", "x://1/2", true],
    ["x://{a}/{b}", "x://1/", false],
    ["x://{a}-{b}", "x://1-2-3", true],
    ["x://{a}{b}", "x://12", false],
    ["x://search{?q,page}", "x://search", true],
    ["x://search{?q,page}", "x://search?q=1&page=2", true],
    ["x://search{?q,page}", "x://search/more?q=1", false],
    ["x://{a}{?q}", "x://1?q=2", true],
    ["x://a{/b}", "x://a/1", true],
    ["x://a{/b}", "x://a/..", false],
    ["x://{a", "x://1", false],
    ["x://a}", "x://a}", false],
    ["plain://a", "plain://a", true],
    ["plain://a", "plain://b", false],
  ];
  for (const [template, uri, matches] of cases) {
    expect([template, uri, matchesTemplate(template, uri)]).toEqual([template, uri, matches]);
  }
});

test("whatever a template stands for may mean it, also spelled in another way", () => {
  const text = fc.stringMatching(/^[a-z/.? -]{0,8}$/);
  const filled = fc.stringMatching(/^[a-z.?-][a-z/.? -]{0,8}$/);
  fc.assert(
    fc.property(text, text, text, filled, (a, b, c, value) => {
      const template = `x://${a}{p}${b}{q}${c}`;
      expect(mayMean(template, spellingsOf(`X:/${a}${value}${b}${value}${c}`))).toBe(true);
      expect(mayMean(template, spellingsOf(`y://${a}${value}${b}${value}${c}`))).toBe(false);
    }),
  );
  expect(mayMean("x://{a}/end", spellingsOf("x://1/2/end"))).toBe(true);
  expect(mayMean("x://{a}/end", spellingsOf("x://1/2/ends"))).toBe(false);
  expect(mayMean("x://aba{p}ba", spellingsOf("x://aba"))).toBe(false);
});

test("what stands for an expression has no separator in it, however it is spelled", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 20 }), fc.boolean(), (text, encoded) => {
      const value = encoded ? encodeURIComponent(text.replace(/[\ud800-\udfff]/g, "x")) : text;
      if (!matchesTemplate("file:///docs/{name}", `file:///docs/${value}`)) return;
      const plain = decodeURIComponent(value);
      expect(plain).not.toMatch(/[/\\]/);
      expect([".", ".."]).not.toContain(plain);
    }),
  );
});
