/** One list of what all servers have in their lists, each entry by the name that leads back. */
import type { McpRights } from "@claviger/shared/decide/mcp-rights";
import type { Refusal } from "@claviger/shared/decide/refusals";
import type { McpAdmission } from "../rooms.ts";
import type { McpDeps } from "./deps.ts";
import { type LISTS, passFrom } from "./filter.ts";
import { isObject, type Json, type JsonObject } from "./json-rpc.ts";
import { onBehalf } from "./on-behalf.ts";
import { renameFrom } from "./rename.ts";
import type { SessionContent } from "./session.ts";
import type { Said, Talk } from "./talk.ts";
import type { Admitted } from "./to-server.ts";

const MEMBERS: Readonly<Record<string, (typeof LISTS)[number]["member"]>> = {
  "tools/list": "tools",
  "prompts/list": "prompts",
  "resources/list": "resources",
  "resources/templates/list": "resourceTemplates",
};

const PAGES_MAX = 50;

/** A server that does not answer is not in it; a refusal when none does. */
export async function listJoined(
  request: Admitted,
  servers: readonly McpRights[],
  method: string,
  session: SessionContent | undefined,
): Promise<{ readonly result: JsonObject } | Refusal> {
  const { deps } = request.visit;
  const member = MEMBERS[method] as string;
  const done = await Promise.all(
    servers.map(({ server }, i) =>
      onBehalf(
        request,
        { server: server.name, part: i + 1, session, begins: false },
        (talk, { rights }: McpAdmission) => listAll(deps, talk, rights, method, member),
      ),
    ),
  );
  const entries: Json[] = [];
  let answered = 0;
  let refusal: Refusal | undefined;
  for (const each of done) {
    if ("code" in each) refusal ??= each;
    else if ("code" in each.said) refusal ??= each.said;
    else {
      answered++;
      const list = "result" in each.said ? each.said.result[member] : undefined;
      // What has been taken away while others were asked is not told.
      const now = deps.grant(request.principal, each.talk.server.name, () => undefined);
      if (Array.isArray(list) && !("code" in now)) entries.push(...(list as Json[]));
    }
  }
  return answered === 0 && refusal !== undefined ? refusal : { result: { [member]: entries } };
}

/** All pages of one server's list, as the client may see it. */
async function listAll(
  deps: McpDeps,
  talk: Talk,
  rights: McpRights,
  method: string,
  member: string,
): Promise<Said> {
  const entries: Json[] = [];
  let params: JsonObject = {};
  for (let page = 0; page < PAGES_MAX; page++) {
    const said = await talk.ask(method, params);
    // Not every server has every kind of list.
    if (!("result" in said)) return "error" in said && page === 0 ? { result: { [member]: [] } } : said;
    const passed = await passFrom(rights, deps.sightings, { result: said.result });
    const named = renameFrom(rights.server.name)(passed ?? { result: {} });
    const list = isObject(named.result) ? named.result[member] : undefined;
    if (Array.isArray(list)) entries.push(...(list as Json[]));
    const { nextCursor } = said.result;
    if (typeof nextCursor !== "string") break;
    params = { cursor: nextCursor };
  }
  return { result: { [member]: entries } };
}
