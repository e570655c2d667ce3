/** A session with all servers at once. */
import type { McpRights } from "@claviger/shared/decide/mcp-rights";
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import { isObject, type Json, type JsonObject } from "./json-rpc.ts";
import { OWN_PROTOCOL_VERSION, protocolVersions } from "./methods.ts";
import { onBehalf } from "./on-behalf.ts";
import { sealSession, type UpstreamSession, type UpstreamSessions } from "./session.ts";
import type { Talk } from "./talk.ts";
import type { Admitted } from "./to-server.ts";

/** What a client says of itself is sent back and forth in each request. */
const CLIENT_LENGTH_MAX = 2_000;
/** The first version without sessions. */
const STATELESS_FROM = "2026-07-28";

/** The answer to `initialize`, with the header of the session. */
export async function beginJoined(
  request: Admitted,
  servers: readonly McpRights[],
  params: JsonObject,
): Promise<{ readonly result: JsonObject; readonly headers: readonly string[] } | Refusal> {
  const { visit, principal } = request;
  const { deps } = visit;
  const protocolVersion = versionOf(params.protocolVersion);
  const client = { ...params, protocolVersion };
  const done = await Promise.all(
    servers.map(({ server }, i) =>
      onBehalf(request, { server: server.name, part: i + 1, session: undefined, begins: true }, (talk) =>
        talk.begin(client),
      ),
    ),
  );
  const upstreams: Record<string, UpstreamSession> = {};
  const capabilities: Record<string, Json> = {};
  const instructions: string[] = [];
  const talks: Talk[] = [];
  for (const each of done) {
    if ("code" in each) continue;
    talks.push(each.talk);
    if (!("result" in each.said)) continue;
    const { result } = each.said;
    const { server, session, protocolVersion: version } = each.talk;
    upstreams[server.id] = { session, url: server.url, version };
    addCapabilities(capabilities, result.capabilities);
    if (typeof result.instructions === "string") instructions.push(`${server.name}: ${result.instructions}`);
  }
  const [first] = done;
  if (Object.keys(upstreams).length === 0) {
    forget(talks, {});
    return first !== undefined && "code" in first ? first : refuse("provider_bad_response");
  }
  const bound = { organizationId: deps.settings.organizationId, keyId: principal.key.id, scope: "" };
  const kept = JSON.stringify(client).length > CLIENT_LENGTH_MAX ? null : client;
  const whole = await sealSession(deps.shared, bound, { upstreams, client: kept });
  forget(talks, whole === undefined ? {} : upstreams);
  // Of too many servers: each request then has sessions of its own.
  const token = whole ?? (await sealSession(deps.shared, bound, { upstreams: {}, client: kept }));
  if (token === undefined) return refuse("no_configuration");
  const serverInfo = { name: "claviger", version: "1" };
  const result: Record<string, Json> = { protocolVersion, capabilities, serverInfo };
  if (instructions.length > 0) result.instructions = instructions.join("\n\n");
  return { result, headers: ["mcp-session-id", token] };
}

/** Sessions that servers have begun and that no client will name are ended at once; nobody waits for it. */
function forget(talks: readonly Talk[], kept: UpstreamSessions): void {
  for (const talk of talks) if (kept[talk.server.id] === undefined) void talk.end();
}

function versionOf(asked: Json | undefined): string {
  const isKnown = typeof asked === "string" && protocolVersions.has(asked) && asked < STATELESS_FROM;
  return isKnown ? asked : OWN_PROTOCOL_VERSION;
}

/** What at least one server can, of what goes through here. */
const CAPABILITIES: readonly string[] = ["tools", "prompts", "resources", "completions", "logging"];

function addCapabilities(all: Record<string, Json>, of: Json | undefined): void {
  if (!isObject(of)) return;
  for (const name of CAPABILITIES) {
    const capability = of[name];
    if (!isObject(capability)) continue;
    const before = all[name];
    all[name] = { ...(isObject(before) ? before : {}), ...capability };
  }
}
