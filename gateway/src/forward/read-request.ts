/** The body of a request, read as its surface has it: once, within bounds, in exactly one way. */
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import type { BodyRead, Exchange } from "../ports.ts";
import { type RequestBody, readRequestBody } from "./body.ts";
import { formOf, readGeminiBody } from "./gemini-body.ts";
import { readMultipart } from "./multipart.ts";
import { type ForwardRoute, modelInPath } from "./routes.ts";

export interface ReadDeps {
  readonly refuseByType: (exchange: Exchange, wanted: "json" | "multipart") => Refusal | undefined;
}

/** Why it is not read at all. */
export function refuseUnread(deps: ReadDeps, exchange: Exchange, route: ForwardRoute): Refusal | undefined {
  return deps.refuseByType(exchange, route.model === "multipart" ? "multipart" : "json");
}

/** What was read, or why it could not be; `gone` when the caller left before its end. */
export function readRequest(
  read: BodyRead,
  exchange: Exchange,
  route: ForwardRoute,
): RequestBody | Refusal | "gone" {
  if (read.ok) return readAs(route, exchange, read.bytes);
  if (read.why === "gone") return "gone";
  return refuse(read.why === "timeout" ? "request_timeout" : "request_too_large");
}

function readAs(route: ForwardRoute, exchange: Exchange, bytes: Uint8Array): RequestBody | Refusal {
  if (route.model === "body") return readRequestBody(bytes);
  if (route.model === "multipart") return readMultipart(bytes, exchange.header("content-type") ?? "");
  if (formOf(exchange.target) === undefined) return refuse("invalid_value", { param: "alt" });
  const prefix = route.path.slice(0, route.path.indexOf("{model}"));
  return readGeminiBody(bytes, modelInPath(exchange.target, prefix, route.action));
}
