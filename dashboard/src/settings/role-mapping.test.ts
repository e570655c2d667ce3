import { expect, test } from "vitest";
import { readMapping, writeMapping } from "./role-mapping.ts";

test("lines are read as they were written, and the last colon divides", () => {
  const mapping = { "platform-team": "admin", "urn:group:7": "viewer" } as const;
  expect(readMapping(`\n${writeMapping(mapping)}\n\n`)).toEqual({ mapping });
  expect(readMapping("  Devs :  Member ")).toEqual({ mapping: { Devs: "member" } });
});

test("the first line that is none is named by its number", () => {
  for (const wrong of ["devs", "devs: boss", ": admin"]) {
    expect(readMapping(`ops: admin\n${wrong}`)).toEqual({ wrongLine: 2 });
  }
});
