import { createHash } from "node:crypto";
import { refusals } from "@claviger/shared/decide/refusals";
import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, test } from "vitest";
import { routes } from "../route-table.ts";
import { openApiOf } from "./document.ts";
import { type Described, pageHeaders, pageOf } from "./page.ts";

const document = openApiOf(routes) as {
  paths: Record<string, Record<string, { operationId: string }>>;
  components: {
    schemas: Record<
      string,
      { properties?: { errors?: { items?: { properties?: { code?: { enum?: string[] } } } } } }
    >;
  };
};

test("the document is OpenAPI 3.1, by the schema of the OpenAPI Initiative", async () => {
  const checked = await new Validator().validate(structuredClone(document) as Record<string, unknown>);
  expect(checked).toEqual({ valid: true });
});

test("every reference leads to a schema of the document", () => {
  const text = JSON.stringify(document);
  const named = new Set([...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, to]) => to ?? ""));
  const known = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
  expect([...named].filter((name) => !known.includes(name))).toEqual([]);
});

test("every route is in it once, with an id of its own", () => {
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
  expect(operations).toHaveLength(routes.length);
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(routes.length);
});

test("problems name every code that there is", () => {
  const codes = document.components.schemas.Problem?.properties?.errors?.items?.properties?.code?.enum;
  expect(codes).toEqual(Object.keys(refusals));
});

test("the page shows every operation and every code, and its policy lets in its own style and nothing else", () => {
  const page = pageOf(document as unknown as Described);
  for (const { operationId } of Object.values(document.paths).flatMap((path) => Object.values(path))) {
    expect(page).toContain(`id="${operationId}"`);
  }
  for (const code of Object.keys(refusals)) expect(page).toContain(`id="code-${code}"`);
  const [, style = ""] = /<style>([\s\S]*?)<\/style>/.exec(page) ?? [];
  const digest = createHash("sha256").update(style).digest("base64");
  expect(pageHeaders["content-security-policy"]).toContain(`style-src 'sha256-${digest}'`);
});
