import { allowsServer, allowsTool } from "@claviger/shared/decide/mcp";
import { expect, test } from "vitest";
import { attributesOf, blankValues } from "../keys/form-values.ts";
import { isAdmitted, type Picked, pickedTools, setServer, setTool, tickOf } from "./picked.ts";

const KNOWN = ["read", "write"];
const SERVERS = ["files", "mail"];

interface Step {
  readonly server: string;
  readonly tool: string | null;
  readonly on: boolean;
}

const STEPS: readonly Step[] = SERVERS.flatMap((server) =>
  [...KNOWN, null].flatMap((tool) => [true, false].map((on) => ({ server, tool, on }))),
);
/** All ways to click up to three times. */
const CLICKS = [
  [],
  ...STEPS.flatMap((a) => [[a], ...STEPS.flatMap((b) => [[a, b], ...STEPS.map((c) => [a, b, c])])]),
];
const MODES = ["allow-all", "allow-list", "deny-list"] as const;
const start = (mode: Picked["mode"]): Picked => ({ mode, servers: [], tools: {} });

/** As the form sends it. */
function policyOf({ mode, servers, tools }: Picked) {
  const values = {
    ...blankValues("mem_aaaaaaaaaaaa", "prj_aaaaaaaaaaaa"),
    ...{ mcpEnabled: true, mcpMode: mode, mcpServers: [...servers] },
    mcpTools: Object.fromEntries(Object.entries(tools).map(([name, list]) => [name, [...list]])),
  };
  return attributesOf(values, 0).mcp as Parameters<typeof allowsServer>[0];
}

function played(mode: Picked["mode"], steps: readonly Step[]) {
  return steps.reduce<Picked>(
    (picked, { server, tool, on }) =>
      tool === null ? setServer(picked, server, on) : setTool(picked, { server, tool, on }, KNOWN),
    start(mode),
  );
}

/** The API wants a server in a list mode: the form says so. */
const sendable = ({ mode, servers }: Picked) => mode === "allow-all" || servers.length > 0;

test.each(MODES)("what is ticked is what gateways let the key use, after any clicks: %s", (mode) => {
  for (const picked of CLICKS.map((clicks) => played(mode, clicks)).filter(sendable)) {
    const policy = policyOf(picked);
    for (const server of SERVERS) {
      const tools = pickedTools(picked, server);
      const ticked = KNOWN.filter((tool) => tools === null || tools.includes(tool));
      const allowed = KNOWN.filter((tool) => allowsTool(policy, server, tool));
      if (ticked.join() !== allowed.join()) expect([picked, allowed]).toEqual([picked, ticked]);
      if (allowsServer(policy, server) !== isAdmitted(picked, server)) expect(picked).toBeUndefined();
    }
  }
});

test.each(MODES)("a click is seen at once, whatever was clicked before: %s", (mode) => {
  for (const clicks of CLICKS) {
    const last = clicks.at(-1);
    if (last === undefined) continue;
    const picked = played(mode, clicks);
    const tools = pickedTools(picked, last.server);
    const isOn =
      last.tool === null
        ? tickOf(picked, last.server, KNOWN) === "all"
        : tools === null || tools.includes(last.tool);
    if (isOn !== last.on) expect([clicks, isOn]).toEqual([clicks, last.on]);
  }
});

test("a server that is ticked as a whole gives later tools too, one that is ticked tool by tool does not", () => {
  const whole = setServer(start("allow-list"), "files", true);
  expect(pickedTools(whole, "files")).toBeNull();
  const one = setTool(start("allow-list"), { server: "files", tool: "read", on: true }, KNOWN);
  expect([tickOf(one, "files", KNOWN), pickedTools(one, "files")]).toEqual(["some", ["read"]]);
  const both = setTool(one, { server: "files", tool: "write", on: true }, KNOWN);
  expect([tickOf(both, "files", KNOWN), pickedTools(both, "files")]).toEqual(["all", ["read", "write"]]);
  const less = setTool(whole, { server: "files", tool: "write", on: false }, KNOWN);
  expect(pickedTools(less, "files")).toEqual(["read"]);
});
