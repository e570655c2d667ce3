import { expect, test } from "vitest";
import { buildKey, buildMcpServer, buildView } from "../testing/records.ts";
import type { McpPolicy } from "../wire/record.ts";
import type { Principal } from "./admit.ts";
import type { EphemeralClaims } from "./ephemeral.ts";
import { admitMcpServer, allowsOffer, allowsUri, mcpServersOf } from "./mcp-rights.ts";

const ALL: McpPolicy = { enabled: true, mode: "allow-all" };
const server = buildMcpServer({ name: "files", newOffers: "accept" });
const view = buildView({
  mcpServers: [server, buildMcpServer({ id: "mcp_000000000002", name: "off", enabled: false })],
});

function principal(mcp: McpPolicy, claimed?: McpPolicy): Principal {
  const key = buildKey({ mcp });
  const claims = claimed === undefined ? undefined : ({ mcp: claimed } as EphemeralClaims);
  const caller = { hash: "", gatewayId: "gw_000000000001", ip: undefined };
  const limits = { requestsPerMinute: null, tokensPerMinute: null, maxConcurrency: null };
  return { caller, key, generation: 1, ...limits, claims };
}

const codeOf = (who: Principal, name: string) => {
  const rights = admitMcpServer(view, who, name);
  return "code" in rights ? rights.code : "ok";
};

test("a token has what it claims and its key has now, and never more", () => {
  expect(codeOf(principal(ALL, ALL), "files")).toBe("ok");
  expect(codeOf(principal(ALL, { enabled: false }), "files")).toBe("mcp_disabled");
  expect(codeOf(principal({ enabled: false }, ALL), "files")).toBe("mcp_disabled");
  expect(codeOf(principal(ALL, { enabled: true, mode: "deny-all" }), "files")).toBe("mcp_server_not_allowed");
  const narrow = { ...ALL, tools: { files: ["read"] } };
  for (const who of [principal(narrow, ALL), principal(ALL, narrow)]) {
    const rights = admitMcpServer(view, who, "files");
    if ("code" in rights) throw new Error("it is allowed");
    expect(allowsOffer(rights, "tool", "read", undefined)).toBe(true);
    expect(allowsOffer(rights, "tool", "write", undefined)).toBe(false);
    expect(allowsOffer(rights, "prompt", "greet", undefined)).toBe(false);
    expect(allowsUri(rights, "file:///a", () => undefined)).toBe(false);
  }
  const apart = principal({ ...ALL, tools: { files: ["read"] } }, { ...ALL, tools: { files: ["write"] } });
  const rights = admitMcpServer(view, apart, "files");
  if ("code" in rights) throw new Error("it is allowed");
  expect(["read", "write"].some((name) => allowsOffer(rights, "tool", name, undefined))).toBe(false);
});

test("a server that is off, another project's or unknown is not allowed, all in the same words", () => {
  const who = principal(ALL);
  expect(["off", "nowhere", "Files", "files ", ""].map((name) => codeOf(who, name))).toEqual(
    Array(5).fill("mcp_server_not_allowed"),
  );
  const foreign = buildView({ mcpServers: [{ ...server, projectIds: ["prj_000000000009"] }] });
  expect(admitMcpServer(foreign, who, "files")).toMatchObject({ code: "mcp_server_not_allowed" });
  expect(mcpServersOf(foreign, who)).toEqual([]);
  const open = mcpServersOf(view, who);
  expect("code" in open ? open : open.map((each) => each.server.name)).toEqual(["files"]);
});

test("what is refused stays refused, also where everything new is accepted", () => {
  const pins = [
    { kind: "tool" as const, name: "write", hash: null },
    { kind: "resource" as const, name: "file:///secret", hash: null },
    { kind: "resource" as const, name: "file:///café/menü", hash: null },
    { kind: "resource" as const, name: "file:///%FF", hash: null },
    { kind: "resource" as const, name: "file:///folder/", hash: null },
    { kind: "resource-template" as const, name: "file:///private/{name}", hash: null },
  ];
  const held = buildView({ mcpServers: [{ ...server, pins }] });
  const rights = admitMcpServer(held, principal(ALL), "files");
  if ("code" in rights) throw new Error("it is allowed");
  expect(allowsOffer(rights, "tool", "write", undefined)).toBe(false);
  expect(allowsOffer(rights, "tool", "other", undefined)).toBe(true);
  const uris = ["file:///a", "file:///secret", "file:///private/x"];
  expect(uris.map((uri) => allowsUri(rights, uri, () => undefined))).toEqual([true, false, false]);
  for (const uri of [
    // What parsers of URLs take for the refused ones.
    ...["FILE:///secret", " file:///secret", "file:/secret", "file:///%73ecret", "file:///sec\tret"],
    ...["file:///./secret", "file:///a/../secret", "file:///.\n./secret", "file:///a/%2e%2e/secret"],
    // What leads servers to the same file.
    ...[
      "file://localhost/secret",
      "file:///secret#x",
      "file:///secret?x",
      "file:///secret?x#y",
      "file:///secret/",
    ],
    ...["file://localhost//secret//#x", "file:///caf%C3%A9/Men%C3%BC", "file:///cafe\u0301//MENU\u0308"],
    ...["file:///%ff", "file:///private//x", "file:///folder"],
    // What servers take for the refused template.
    ...[
      "file:///private/a%2Fb",
      "file:///private/a/b",
      "file:///private/",
      "file:///private/x?y",
      "file:///Private/x",
    ],
  ]) {
    expect([uri, allowsUri(rights, uri, () => undefined)]).toEqual([uri, false]);
  }
  for (const uri of [
    ...["file:///secrets", "file:///a/secret", "file:///privat", "https://x/private/a"],
    ...["file:///a?secret", "file:///caf%C3%A8/menu", "file://remote/secret", "file:///%fe"],
  ]) {
    expect([uri, allowsUri(rights, uri, () => undefined)]).toEqual([uri, true]);
  }
});
