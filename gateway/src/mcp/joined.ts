/** All servers that a key may use as one. */
import { refuse } from "@claviger/shared/decide/refusals";
import type { ClientMessage } from "./json-rpc.ts";
import type { Admitted, Outcome } from "./serve.ts";
import type { SessionContent } from "./session.ts";

export async function serveJoined(
  _request: Admitted,
  _message: ClientMessage | undefined,
  _session: SessionContent | undefined,
): Promise<Outcome> {
  return refuse("unknown_url");
}
