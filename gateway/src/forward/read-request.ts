/** The body of a request, read as its surface has it: once, within bounds, in exactly one way. */
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import type { Exchange } from "../ports.ts";
import { type RequestBody, readRequestBody } from "./body.ts";
import { formOf, readGeminiBody } from "./gemini-body.ts";
import { readMultipart } from "./multipart.ts";
import { type ForwardRoute, modelInPath } from "./routes.ts";

export interface ReadDeps {
  readonly settings: { readonly bodyBytesMax: number; readonly bodyMsMax: number };
  readonly refuseByType: (exchange: Exchange, wanted: "json" | "multipart") => Refusal | undefined;
}

/** Reads it, or says why not; `gone` when the caller left before its end. */
export async function readRequest(
  deps: ReadDeps,
  exchange: Exchange,
  route: ForwardRoute,
): Promise<RequestBody | Refusal | "gone"> {
  const wrongType = deps.refuseByType(exchange, route.model === "multipart" ? "multipart" : "json");
  if (wrongType !== undefined) return wrongType;
  const read = await exchange.readBody({
    bytesMax: deps.settings.bodyBytesMax,
    timeoutMs: deps.settings.bodyMsMax,
  });
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
