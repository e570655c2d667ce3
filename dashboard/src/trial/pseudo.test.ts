import { expect, test } from "vitest";
import { pseudo } from "./pseudo.ts";

test("words get longer and strange; arguments, plurals and tags stay", () => {
  expect(pseudo({ a: { b: "Save {name}" } }).a.b).toMatch(/^⟦Šávé \{name\}( ~)+⟧$/);
  expect(pseudo("{n, plural, one {# key} other {# keys}} of <b>{all}</b>")).toMatch(
    /^⟦\{n, plural, one \{# kéý\} other \{# kéýš\}\} öf <b>\{all\}<\/b>( ~)+⟧$/,
  );
});
