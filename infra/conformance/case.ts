/** What a case of the conformance table is: one client on one surface, asked the same of the provider and of a gateway. */
import type { Surface } from "@claviger/gateway/forward/surfaces";

/** Where a client is pointed at, and as whom; `sandbox` steers the provider. */
export interface Place {
  readonly url: string;
  readonly key: string;
}

export const FEATURES = ["text", "tools", "image in the prompt", "JSON output", "errors"] as const;
export type Feature = (typeof FEATURES)[number];

export interface Case {
  readonly surface: Surface | "models";
  readonly client: string;
  readonly streamed: boolean;
  readonly feature: Feature;
  /** The vendor's own answer tells no usage. */
  readonly untold: boolean;
  /** What the client makes of the answer: must not depend on the place. */
  readonly run: (place: Place) => Promise<unknown>;
}

const UNTOLD = new Set<Case["surface"]>(["embedContent", "batchEmbedContents", "audio.speech"]);

/** Cases of one client and surface. */
export function casesOf(client: string, surface: Case["surface"]) {
  return (feature: Feature, streamed: boolean, run: Case["run"], untold?: true): Case => ({
    client,
    surface,
    feature,
    streamed,
    run,
    untold: untold ?? (feature !== "errors" && UNTOLD.has(surface)),
  });
}

/** The class and status of what a client raised; anything that was not raised is told as such. */
export async function raised(work: () => Promise<unknown>): Promise<object> {
  try {
    return { notRaised: (await work()) ?? null };
  } catch (error) {
    const { status, statusCode } = error as { status?: number; statusCode?: number };
    return { raised: (error as Error).constructor.name, status: status ?? statusCode ?? null };
  }
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** The names of a list, which must not be empty. */
export function named(names: readonly (string | undefined)[]): (string | undefined)[] {
  if (names.length === 0) throw new Error("no models are listed");
  return names.map((name) => name?.replace("sandbox/", ""));
}

export const TEXT = "héllo 🗝 wörld, said by the book of keys, and 鍵 again";
export const SCHEMA = {
  type: "object",
  properties: { n: { type: "integer" }, s: { type: "string" } },
  required: ["n", "s"],
  additionalProperties: false,
} as const;
export const TOOL_SCHEMA = { type: "object", properties: { city: { type: "string" } } } as const;
export const CALL = 'please call weather {"city":"Bern → 🗝"}';
/** One transparent pixel. */
export const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
export const LIMITED = { "x-sandbox": '{"status":429}' };
export const MODEL = "sandbox/echo";
export const EMBED = "sandbox/embed";
