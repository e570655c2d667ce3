/** One stream of what all servers tell a client that listens. It cannot be resumed: whoever reconnects hears what comes then. */
import type { McpRights } from "@claviger/shared/decide/mcp-rights";
import { statusOf } from "@claviger/shared/decide/problem";
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import { renameFrom } from "./rename.ts";
import type { ReplyPart } from "./reply.ts";
import type { SessionContent } from "./session.ts";
import { type Admitted, forward, type Outcome } from "./to-server.ts";
import { takeRate } from "./visit.ts";

/** To each server with which the client has a session; at least one of them has to listen. */
export async function listenJoined(
  request: Admitted,
  servers: readonly McpRights[],
  session: SessionContent | undefined,
): Promise<Outcome> {
  const { visit, principal, limited } = request;
  const known = servers.filter(({ server }) => session?.upstreams[server.id]?.url === server.url);
  if (known.length === 0) return refuse("method_not_allowed", { allow: ["POST", "DELETE"] });
  const rate = takeRate(visit, principal, limited);
  if (rate !== undefined) return rate;
  visit.reply.ours.push("x-claviger-key", principal.key.id);
  const together = new Together(visit.reply, known.length);
  let open = known.length;
  // The place is the whole stream's, until the last server has nothing more to say or the client has left.
  const leave = () => {
    if (--open === 0) request.leave();
  };
  await Promise.all(
    known.map(async ({ server: { id, name } }, i) => {
      const part = together.part();
      const about = { ...visit.about, serverId: id, server: name };
      const outcome = await forward(
        { ...request, server: name, visit: { ...visit, reply: part, about }, leave },
        {
          ...{ message: undefined, body: undefined, named: undefined, session, part: i + 1 },
          version: session?.upstreams[id]?.version,
          rename: renameFrom(name),
        },
      );
      if (typeof outcome !== "string") part.fail(outcome);
      if (outcome !== "started") leave();
    }),
  );
  return "started";
}

/** Several that write to one answer: it begins with the first and ends with the last. */
class Together {
  readonly #reply: ReplyPart;
  readonly #gone: (() => void)[] = [];
  readonly #drained: (() => void)[] = [];
  #left: number;
  #begun = false;
  #isGone = false;

  constructor(reply: ReplyPart, parts: number) {
    this.#reply = reply;
    this.#left = parts;
    reply.onGone(() => {
      this.#isGone = true;
      for (const then of this.#gone) then();
    });
    reply.onDrained(() => {
      for (const then of this.#drained) then();
    });
  }

  part(): ReplyPart {
    let over = false;
    let status = 200;
    const end = (refusal?: Refusal) => {
      if (over) return;
      over = true;
      if (refusal !== undefined) status = statusOf(refusal);
      this.#left--;
      if (this.#left > 0) return;
      if (this.#begun || refusal === undefined) this.#reply.end();
      else this.#reply.fail(refusal);
    };
    return {
      ours: [],
      get status() {
        return status;
      },
      onGone: (then) => {
        if (this.#isGone) then();
        else this.#gone.push(then);
      },
      onDrained: (then) => void this.#drained.push(then),
      // Nobody who listens is answered otherwise than by a stream.
      json: () => end(refuse("provider_bad_response")),
      nothing: () => end(),
      begin: () => {
        if (!this.#begun && !over) this.#reply.begin();
        this.#begun = true;
      },
      event: (event) => over || this.#reply.event(event),
      end: () => end(),
      fail: end,
    };
  }
}
