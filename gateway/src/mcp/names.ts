/**
 * Names of the joined address `/mcp`, where all servers are one: each says its server and what the server calls it, so that
 * no two things share a name, none is cleaned of anything, and every name leads back. A server's name has neither an
 * underscore nor a plus sign (`McpServerRecord`), so the first of them ends it.
 */

export interface Joined {
  readonly server: string;
  readonly name: string;
}

const BETWEEN_NAMES = "__";
const BEFORE_URI = "+";
const ID_MARK = "clv:";

/** Of a tool or prompt: `files__read_file`. */
export function joinName(server: string, name: string): string {
  return `${server}${BETWEEN_NAMES}${name}`;
}

/** Undefined for a name that is of no server. */
export function splitName(joined: string): Joined | undefined {
  return split(joined, BETWEEN_NAMES);
}

/** Of a resource or template: `files+file:///a.txt`. */
export function joinUri(server: string, uri: string): string {
  return `${server}${BEFORE_URI}${uri}`;
}

export function splitUri(joined: string): Joined | undefined {
  return split(joined, BEFORE_URI);
}

const SERVER = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;

function split(joined: string, between: string): Joined | undefined {
  const at = joined.indexOf(between);
  if (at < 1) return undefined;
  const server = joined.slice(0, at);
  const name = joined.slice(at + between.length);
  return SERVER.test(server) && name !== "" ? { server, name } : undefined;
}

/** Of a request that a server makes of the client; the answer leads back to that server. */
export function joinId(server: string, id: string | number): string {
  return `${ID_MARK}${server}:${JSON.stringify(id)}`;
}

export function splitId(joined: string | number): { server: string; id: string | number } | undefined {
  if (typeof joined !== "string" || !joined.startsWith(ID_MARK)) return undefined;
  const at = joined.indexOf(":", ID_MARK.length);
  if (at < 0) return undefined;
  try {
    const id: unknown = JSON.parse(joined.slice(at + 1));
    if (typeof id !== "string" && typeof id !== "number") return undefined;
    return { server: joined.slice(ID_MARK.length, at), id };
  } catch {
    // Not one of ours.
    return undefined;
  }
}
