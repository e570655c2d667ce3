import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { buildMcpServer, fakeDigest } from "../testing/records.ts";
import type { McpPin, McpServerRecord } from "../wire/record.ts";
import { effectOfServer, isAccepted, servesProject } from "./mcp-server.ts";

const PROJECTS = ["prj_000000000001", "prj_000000000002"];
const KINDS = ["tool", "resource"] as const;
const NAMES = ["read", "write"];
const HASHES = ["a", "b"].map(fakeDigest);

const pin: fc.Arbitrary<McpPin> = fc.record({
  kind: fc.constantFrom(...KINDS),
  name: fc.constantFrom(...NAMES),
  hash: fc.constantFrom(null, ...HASHES),
});

const anyServer: fc.Arbitrary<McpServerRecord> = fc
  .record({
    projectIds: fc.option(fc.subarray(PROJECTS)),
    enabled: fc.constantFrom(true, true, true, false),
    newOffers: fc.constantFrom("pending" as const, "accept" as const),
    pins: fc.uniqueArray(pin, { selector: ({ kind, name }) => `${kind} ${name}` }),
  })
  .map(buildMcpServer);

/** Everything that can be asked of the small universe: `unnamed` stands for whatever no pin names. */
const asked = PROJECTS.flatMap((project) =>
  KINDS.flatMap((kind) =>
    [...NAMES, "unnamed"].flatMap((name) =>
      [...HASHES, fakeDigest("other"), undefined].map((hash) => ({ project, kind, name, hash })),
    ),
  ),
);

function givenBy(server: McpServerRecord): string[] {
  return asked
    .filter(({ project }) => servesProject(server, project))
    .filter(({ kind, name, hash }) => isAccepted(server, kind, name, hash))
    .map((each) => JSON.stringify(each));
}

/** Other projects than the two exist as well. */
const everyProject = ({ projectIds, enabled }: McpServerRecord) => enabled && projectIds === null;

test("a change of a server is restrictive exactly when it takes something away, and neutral when it does nothing", () => {
  fc.assert(
    fc.property(anyServer, anyServer, (before, after) => {
      const was = new Set(givenBy(before));
      const is = new Set(givenBy(after));
      const gives = (server: McpServerRecord) => givenBy(server).length > 0;
      // A server that gives nothing takes nothing away either: whatever is said of it then is no promise.
      fc.pre(gives(before) && gives(after));
      const takes = [...was].some((each) => !is.has(each)) || (everyProject(before) && !everyProject(after));
      const adds = [...is].some((each) => !was.has(each)) || (everyProject(after) && !everyProject(before));
      expect(effectOfServer(before, after)).toBe(takes ? "restrictive" : adds ? "giving" : "neutral");
    }),
    { numRuns: 5000 },
  );
});

test("if it is not restrictive, nothing that was given before is missing after, whatever the two are", () => {
  fc.assert(
    fc.property(anyServer, anyServer, (before, after) => {
      fc.pre(effectOfServer(before, after) !== "restrictive");
      const is = new Set(givenBy(after));
      expect(givenBy(before).filter((each) => !is.has(each))).toEqual([]);
    }),
    { numRuns: 5000 },
  );
});

describe("each kind of change", () => {
  const accepted: McpPin = { kind: "tool", name: "read", hash: fakeDigest("a") };
  const refused: McpPin = { ...accepted, hash: null };
  test.each<[string, Partial<McpServerRecord>, Partial<McpServerRecord>, string]>([
    ["nothing", {}, {}, "neutral"],
    ["disabled", { pins: [accepted] }, { pins: [accepted], enabled: false }, "restrictive"],
    ["enabled", { enabled: false, pins: [accepted] }, { pins: [accepted] }, "giving"],
    ["a tool accepted", {}, { pins: [accepted] }, "giving"],
    ["a tool taken away", { pins: [accepted] }, {}, "restrictive"],
    [
      "a tool accepted as it is now",
      { pins: [accepted] },
      { pins: [{ ...accepted, hash: fakeDigest("b") }] },
      "restrictive",
    ],
    ["a tool refused", { newOffers: "accept" }, { newOffers: "accept", pins: [refused] }, "restrictive"],
    ["a tool refused that was not given", {}, { pins: [refused] }, "neutral"],
    ["everything accepted", { pins: [accepted] }, { newOffers: "accept" }, "giving"],
    ["everything to be looked at again", { newOffers: "accept" }, { pins: [accepted] }, "restrictive"],
    ["fewer projects", { pins: [accepted] }, { pins: [accepted], projectIds: PROJECTS }, "restrictive"],
    ["all projects", { pins: [accepted], projectIds: PROJECTS }, { pins: [accepted] }, "giving"],
    ["another address", {}, { url: "https://other.example.com/mcp" }, "restrictive"],
    ["another credential", { secretVersion: 1 }, { secretVersion: 2 }, "restrictive"],
  ])("%s", (_, before, after, effect) => {
    expect(effectOfServer(buildMcpServer(before), buildMcpServer(after))).toBe(effect);
  });

  test("a new one gives", () => {
    expect(effectOfServer(undefined, buildMcpServer())).toBe("giving");
  });
});

test("a tool that looks like an accepted one, or is a prompt of its name, is another one", () => {
  const server = buildMcpServer({ pins: [{ kind: "tool", name: "read", hash: fakeDigest("a") }] });
  const hash = fakeDigest("a");
  expect(isAccepted(server, "tool", "read", hash)).toBe(true);
  for (const name of ["Read", "read ", "ｒead", "__proto__", ""]) {
    expect(isAccepted(server, "tool", name, hash)).toBe(false);
  }
  expect(isAccepted(server, "prompt", "read", hash)).toBe(false);
  expect(isAccepted(server, "tool", "read", undefined)).toBe(false);
});
