/**
 * The gateway itself as the client of one server: to see what it offers, and to reach servers for whom a caller has no
 * session yet. Each exchange is given up after a while, and all that a server says together is no longer than one answer
 * may be; nothing that a server asks for is done.
 */
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import type { McpServerRecord } from "@claviger/shared/wire/record";
import type { Upstream } from "../ports.ts";
import { isObject, type JsonObject } from "./json-rpc.ts";
import { type LegLimits, openLeg } from "./leg.ts";
import { OWN_PROTOCOL_VERSION, protocolVersions } from "./methods.ts";

export interface TalkDeps {
  readonly upstream: Upstream;
  readonly limits: LegLimits;
  /** For each exchange. */
  readonly timeoutMs: number;
}

/** What the server said: a result or an error, or why it said nothing. */
export type Said = { readonly result: JsonObject } | { readonly error: JsonObject } | Refusal;

/** A server tells what it offers to those who can do most. */
const CAPABILITIES: JsonObject = { roots: {}, sampling: {}, elicitation: {} };

const encoder = new TextEncoder();

export class Talk {
  readonly server: McpServerRecord;
  session: string | undefined;
  protocolVersion: string | undefined;
  /** HTTP status of the last answer. */
  status: number | null = null;
  readonly #deps: TalkDeps;
  readonly #credential: Readonly<Record<string, string>>;
  #length = 0;

  constructor(deps: TalkDeps, server: McpServerRecord, credential: Readonly<Record<string, string>>) {
    this.#deps = deps;
    this.server = server;
    this.#credential = credential;
  }

  /** The handshake; `client` is what is said of the client, the gateway's own words where it is absent. */
  async begin(client?: JsonObject): Promise<Said> {
    const params = client ?? {
      protocolVersion: OWN_PROTOCOL_VERSION,
      capabilities: CAPABILITIES,
      clientInfo: { name: "claviger", version: "1" },
    };
    const said = await this.ask("initialize", params);
    if (!("result" in said)) return said;
    const { protocolVersion } = said.result;
    if (typeof protocolVersion !== "string" || !protocolVersions.has(protocolVersion)) {
      return refuse("provider_bad_response");
    }
    this.protocolVersion = protocolVersion;
    await this.tell("notifications/initialized");
    return said;
  }

  ask(method: string, params: JsonObject = {}): Promise<Said> {
    // In a client's session others ask at the same time, the client too: of one number two answers could not be told apart.
    const id = `claviger-${crypto.randomUUID()}`;
    const body = encoder.encode(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    return this.#exchange("POST", body, (message) => {
      if (message.id !== id || message.method !== undefined) return undefined;
      if (isObject(message.error)) return { error: message.error };
      return isObject(message.result) ? { result: message.result } : refuse("provider_bad_response");
    });
  }

  async tell(method: string, params: JsonObject = {}): Promise<void> {
    const body = encoder.encode(JSON.stringify({ jsonrpc: "2.0", method, params }));
    await this.#exchange("POST", body, () => undefined);
  }

  /** Lets the server forget the session, if there is one. */
  async end(): Promise<void> {
    if (this.session !== undefined) await this.#exchange("DELETE", undefined, () => undefined);
  }

  #exchange(
    method: "POST" | "DELETE",
    body: Uint8Array | undefined,
    read: (message: JsonObject) => Said | undefined,
  ): Promise<Said> {
    const { upstream, limits, timeoutMs } = this.#deps;
    return new Promise((resolve) => {
      const done = (said: Said) => {
        clearTimeout(timer);
        call.close();
        resolve(said);
      };
      const timer = setTimeout(() => done(refuse("provider_timeout")), timeoutMs);
      const { server, session, protocolVersion } = this;
      const credential = this.#credential;
      const request = { server, credential, method, body, session, protocolVersion };
      const call = openLeg(upstream, request, limits, {
        head: (head) => {
          this.status = head.status;
          this.session ??= head.session;
        },
        message: (message, { data }) => {
          this.#length += data.length;
          if (this.#length > limits.answerBytesMax) return done(refuse("provider_response_too_large"));
          const said = read(message);
          if (said !== undefined) done(said);
        },
        sign: () => undefined,
        end: () => done(refuse("provider_bad_response")),
        failed: done,
      });
    });
  }
}
