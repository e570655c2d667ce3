/** What the head of a request says about its body, before anything is read. */
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import type { Exchange } from "../ports.ts";

/** The size that the head announces, against the limit. */
export function refuseBySize(exchange: Exchange, bytesMax: number): Refusal | undefined {
  const length = exchange.header("content-length");
  return length !== undefined && Number(length) > bytesMax ? refuse("request_too_large") : undefined;
}

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;

const FORM_TYPE = /^multipart\/form-data\s*;/i;
const NO_FORM = refuse("unsupported_media_type", {
  detail: "The request body must be a form: send `Content-Type: multipart/form-data`.",
});

/** Only what the route takes, and only as it is: a compressed body could be a bomb. */
export function refuseByType(exchange: Exchange, wanted: "json" | "multipart"): Refusal | undefined {
  const encoding = exchange.header("content-encoding");
  if (encoding !== undefined && encoding.trim().toLowerCase() !== "identity")
    return refuse("unsupported_encoding");
  const type = exchange.header("content-type");
  if (wanted === "multipart") return type !== undefined && FORM_TYPE.test(type) ? undefined : NO_FORM;
  return type !== undefined && JSON_TYPE.test(type) ? undefined : refuse("unsupported_media_type");
}
