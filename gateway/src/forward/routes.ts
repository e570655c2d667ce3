/**
 * The closed table of data routes: what is not in it is a 404. A row says everything that the forward has to know of a
 * surface, so that a new one is a row. Every row that reaches a provider goes through `serve`, and `serve` through
 * admission.
 */
import type { EventDialect } from "@claviger/shared/decide/problem";
import type { Dialect, Shape, Surface, Task } from "./surfaces.ts";
import {
  chatUsage,
  completionsUsage,
  type DialectUsage,
  freeUsage,
  geminiArrayUsage,
  geminiUsage,
  imagesUsage,
  messagesUsage,
  responsesUsage,
  speechUsage,
  transcriptUsage,
} from "./usage/dialect-usage.ts";

interface RouteBase {
  /** As it is documented and logged; `{model}` stands for a name. */
  readonly path: string;
  /** As it is mounted; rows that share it differ in method or action. */
  readonly mount: string;
  /** What stands behind the last colon of the path, where that decides. */
  readonly action?: string;
  readonly method: "GET" | "POST";
  /** Whose shape the error has. */
  readonly dialect: Dialect;
}

/** Goes to a provider; needs an admitted principal. */
export interface ForwardRoute extends RouteBase {
  readonly kind: "forward";
  readonly surface: Surface;
  readonly task: Task;
  /** Where the model stands. */
  readonly model: "body" | "path" | "multipart";
  readonly usage: DialectUsage;
  /** Of the API, where the path says it and the provider has several. */
  readonly version?: string;
  /** In Gemini's dialect the form of a stream is asked for in the query. */
  readonly usageOfArray?: DialectUsage;
  /** `stream_options.include_usage` decides whether a stream tells its usage. */
  readonly usageOnRequest: boolean;
  /** Where a stream's events are not those of the dialect's other surfaces. */
  readonly eventDialect?: EventDialect;
  /** Content types of an answer that is neither JSON nor an event stream; the provider's word is passed on. */
  readonly otherAnswers?: RegExp;
}

/** Answered here, from the table; needs an admitted principal too. */
export interface ModelsRoute extends RouteBase {
  readonly kind: "models" | "model";
}

export type Route = ForwardRoute | ModelsRoute;

type Details = Pick<ForwardRoute, "surface" | "task" | "usage"> & Partial<ForwardRoute>;

function posts(path: string, dialect: Dialect, details: Details): ForwardRoute {
  return {
    ...{ kind: "forward", method: "POST", path, mount: path, dialect, model: "body", usageOnRequest: false },
    ...details,
  };
}

const openai = (path: string, details: Details) => posts(path, "openai", details);

/** Google's own client calls the first, most others the second. */
const GEMINI_VERSIONS = ["v1", "v1beta"] as const;

function gemini(action: Surface, details: Omit<Details, "surface">): ForwardRoute[] {
  return GEMINI_VERSIONS.map((version) => {
    const path = `/${version}/models/{model}:${action}`;
    const mount = `/${version}/models/:id{.+}`;
    return posts(path, "gemini", { surface: action, action, mount, version, model: "path", ...details });
  });
}

const TEXT = /^text\/|^application\/x-subrip$/;
const SOUND = /^audio\/|^application\/octet-stream$/;

export const routes: readonly Route[] = [
  openai("/v1/chat/completions", {
    ...{ surface: "chat.completions", task: "text", usage: chatUsage, usageOnRequest: true },
  }),
  openai("/v1/completions", {
    ...{ surface: "completions", task: "text", usage: completionsUsage, usageOnRequest: true },
  }),
  openai("/v1/responses", {
    ...{ surface: "responses", task: "text", usage: responsesUsage, eventDialect: "openai responses" },
  }),
  openai("/v1/embeddings", { surface: "embeddings", task: "embedding", usage: chatUsage }),
  openai("/v1/images/generations", { surface: "images.generations", task: "image", usage: imagesUsage }),
  openai("/v1/images/edits", {
    ...{ surface: "images.edits", task: "image", usage: imagesUsage, model: "multipart" },
  }),
  openai("/v1/images/variations", {
    ...{ surface: "images.variations", task: "image", usage: imagesUsage, model: "multipart" },
  }),
  openai("/v1/audio/transcriptions", {
    ...{ surface: "audio.transcriptions", task: "audio", usage: transcriptUsage, model: "multipart" },
    otherAnswers: TEXT,
  }),
  openai("/v1/audio/translations", {
    ...{ surface: "audio.translations", task: "audio", usage: transcriptUsage, model: "multipart" },
    otherAnswers: TEXT,
  }),
  openai("/v1/audio/speech", {
    ...{ surface: "audio.speech", task: "audio", usage: speechUsage, otherAnswers: SOUND },
  }),
  openai("/v1/moderations", { surface: "moderations", task: "moderation", usage: freeUsage }),
  posts("/v1/messages", "anthropic", { surface: "messages", task: "text", usage: messagesUsage }),
  posts("/v1/messages/count_tokens", "anthropic", {
    ...{ surface: "messages.count_tokens", task: "count", usage: freeUsage },
  }),
  ...gemini("generateContent", { task: "text", usage: geminiUsage }),
  ...gemini("streamGenerateContent", { task: "text", usage: geminiUsage, usageOfArray: geminiArrayUsage }),
  ...gemini("embedContent", { task: "embedding", usage: geminiUsage }),
  ...gemini("batchEmbedContents", { task: "embedding", usage: geminiUsage }),
  ...gemini("countTokens", { task: "count", usage: freeUsage }),
  { kind: "models", method: "GET", path: "/v1/models", mount: "/v1/models", dialect: "openai" },
  {
    kind: "model",
    method: "GET",
    path: "/v1/models/{model}",
    mount: "/v1/models/:id{.+}",
    dialect: "openai",
  },
  { kind: "models", method: "GET", path: "/v1beta/models", mount: "/v1beta/models", dialect: "gemini" },
  {
    kind: "model",
    method: "GET",
    path: "/v1beta/models/{model}",
    mount: "/v1beta/models/:id{.+}",
    dialect: "gemini",
  },
];

/** True for a path that the row is for, whatever the method. */
export function isAt(route: { readonly path: string }, path: string): boolean {
  const at = route.path.indexOf("{");
  if (at < 0) return path === route.path;
  const end = route.path.slice(route.path.indexOf("}") + 1);
  return path.length > at + end.length && path.startsWith(route.path.slice(0, at)) && path.endsWith(end);
}

/** Path of a request target, without its query. */
export function pathOf(target: string): string {
  const query = target.indexOf("?");
  return query < 0 ? target : target.slice(0, query);
}

/** The model that a path names below `prefix`; undefined when it is no text. */
export function modelInPath(target: string, prefix: string, action: string | undefined): string | undefined {
  const path = pathOf(target);
  const end = action === undefined ? path.length : path.length - action.length - 1;
  try {
    return decodeURIComponent(path.slice(prefix.length, end));
  } catch {
    // A stray percent sign names no model.
    return undefined;
  }
}

/** The shape in which an address that is not in the table is answered. */
export function dialectOfPath(path: string): Shape {
  if (path === "/mcp" || path.startsWith("/mcp/")) return "mcp";
  if (path.startsWith("/v1beta/") || /^\/v1\/models\/.+:\w+$/.test(path)) return "gemini";
  return path.startsWith("/v1/messages") ? "anthropic" : "openai";
}

/** Addresses with the same task that a provider can serve, by what it speaks; all of them when none has that task. */
export function pathsThatWork(speaks: (surface: Surface) => boolean, task: Task): string[] {
  const spoken = routes.filter((route) => route.kind === "forward").filter(({ surface }) => speaks(surface));
  const same = spoken.filter((route) => route.task === task);
  const paths = new Map((same.length > 0 ? same : spoken).map(({ surface, path }) => [surface, path]));
  return [...paths.values()];
}
