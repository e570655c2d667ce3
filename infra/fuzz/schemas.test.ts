/**
 * Every schema of the wire and of the API: whatever is handed to it, it says yes or no and throws nothing, nothing of it
 * reaches a prototype, and what it took it takes again as the same.
 */
import { readdirSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import type * as z from "zod";
import { pathOf } from "../house/root.ts";
import { runsOf, valueWith } from "./values.ts";

interface Found {
  readonly name: string;
  readonly schema: z.ZodType;
}

const found: Found[] = [];
for (const folder of ["shared/src/wire", "shared/src/api"]) {
  for (const file of readdirSync(pathOf(folder)).filter((each) => /^[a-z-]+\.ts$/.test(each))) {
    const module = (await import(pathOf(`${folder}/${file}`))) as Record<string, unknown>;
    for (const [name, value] of Object.entries(module))
      if (isSchema(value)) found.push({ name: `${folder.slice(11)}/${file} ${name}`, schema: value });
  }
}

function isSchema(value: unknown): value is z.ZodType {
  return typeof value === "object" && value !== null && "safeParse" in value && "_zod" in value;
}

/** Names of members, from all depths that can be seen. */
function namesIn(schema: unknown, depth = 0): string[] {
  if (typeof schema !== "object" || schema === null || depth > 6) return [];
  const { def } = schema as { def?: Record<string, unknown> };
  const { shape } = schema as { shape?: Record<string, unknown> };
  const inner = [
    def?.innerType,
    def?.element,
    def?.valueType,
    def?.in,
    def?.out,
    ...((def?.options as unknown[]) ?? []),
  ];
  const own = shape === undefined ? [] : Object.entries(shape);
  return [
    ...own.map(([name]) => name),
    ...own.flatMap(([, each]) => namesIn(each, depth + 1)),
    ...inner.flatMap((each) => namesIn(each, depth + 1)),
  ];
}

test("there are schemas to look at, of messages and of bodies", () => {
  expect(found.filter(({ name }) => name.startsWith("wire/")).length).toBeGreaterThan(40);
  expect(found.filter(({ name }) => name.startsWith("api/")).length).toBeGreaterThan(15);
});

test.each(found)("$name takes or refuses any value, and throws nothing", ({ schema }) => {
  const names = [...new Set(namesIn(schema))];
  const polluted = { ...Object.getOwnPropertyDescriptors(Object.prototype) };
  fc.assert(
    fc.property(valueWith(names), (value) => {
      const first = schema.safeParse(value);
      if (!first.success) return;
      JSON.stringify(first.data, (_name, each: unknown) => (typeof each === "bigint" ? String(each) : each));
    }),
    runsOf(100),
  );
  expect(Object.getOwnPropertyDescriptors(Object.prototype)).toEqual(polluted);
});
