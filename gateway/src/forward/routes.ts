/** The closed table of data routes: what is not in it is a 404. */

import type { Dialect, Surface } from "./providers.ts";
import { chatUsage, type DialectUsage, messagesUsage } from "./usage/dialect-usage.ts";

interface RouteBase {
  readonly path: string;
  readonly method: "GET" | "POST";
  readonly dialect: Dialect;
}

/** Goes to a provider. */
export interface ForwardRoute extends RouteBase {
  readonly kind: "forward";
  readonly surface: Surface;
  /** Where the model stands. */
  readonly model: "body";
  readonly usage: DialectUsage;
  /** `stream_options.include_usage` decides whether a stream tells its usage. */
  readonly usageOnRequest: boolean;
}

/** Answered here, from the table. */
export interface ModelsRoute extends RouteBase {
  readonly kind: "models" | "model";
}

export type Route = ForwardRoute | ModelsRoute;

export const routes: readonly Route[] = [
  {
    kind: "forward",
    surface: "chat.completions",
    method: "POST",
    path: "/v1/chat/completions",
    dialect: "openai",
    model: "body",
    usage: chatUsage,
    usageOnRequest: true,
  },
  {
    kind: "forward",
    surface: "messages",
    method: "POST",
    path: "/v1/messages",
    dialect: "anthropic",
    model: "body",
    usage: messagesUsage,
    usageOnRequest: false,
  },
  { kind: "models", method: "GET", path: "/v1/models", dialect: "openai" },
  { kind: "model", method: "GET", path: "/v1/models/:id{.+}", dialect: "openai" },
];

/** The dialect in which an address that is not in the table is answered. */
export function dialectOfPath(path: string): Dialect {
  return path.startsWith("/v1/messages") ? "anthropic" : "openai";
}
