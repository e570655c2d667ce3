/** Which type an answer's attributes have, by noun: `<Noun>View` in shared/api, unless the table says otherwise. */
import { readdirSync, readFileSync } from "node:fs";
import { pathOf } from "./paths.ts";
import { type JsonSchema, TypeReader } from "./read-types.ts";

const api = "shared/src/api";

/** Noun → file and interface, where the name does not follow. */
const others: Readonly<Record<string, readonly [path: string, name: string]>> = {
  agent: [`${api}/api-key.ts`, "ApiKeyView"],
  operation: ["shared/src/sync/operation.ts", "OperationView"],
  "notification-rules": [`${api}/notification.ts`, "NotificationRules"],
};

/** Put together in `control-plane/src/http/openapi/components.ts` from what gateways answer. */
const elsewhere = ["log-entry", "audit-entry"];

/** What `meta` holds of some answers. */
const inMeta = ["LlmApiKeyTestView", "LlmApiKeyImpactView", "McpDiscoveryView", "McpServerImpactView"];

/** The schemas of all views and of what they name, and which noun has which. */
export async function readViews(): Promise<{
  nouns: Record<string, string>;
  schemas: Record<string, JsonSchema>;
}> {
  const reader = new TypeReader(pathOf("."));
  const declared = declaredViews();
  const nouns: Record<string, string> = {};
  for (const noun of [...nounsOf(), "status"]) {
    if (elsewhere.includes(noun)) continue;
    const name = `${noun.replace(/(^|-)([a-z])/g, (_, _dash, letter: string) => letter.toUpperCase())}View`;
    const [path, type] = others[noun] ?? [declared.get(name), name];
    // Without a view a noun is described as any object.
    if (path === undefined) continue;
    nouns[noun] = type;
    await reader.add(path, type);
  }
  for (const name of inMeta) await reader.add(declared.get(name) ?? "", name);
  const sorted = [...reader.schemas].sort(([a], [b]) => (a < b ? -1 : 1));
  return { nouns, schemas: Object.fromEntries(sorted) };
}

/** The members of `ResourceType`. */
function nounsOf(): string[] {
  const text = readFileSync(pathOf(`${api}/resource.ts`), "utf8");
  const [, union = ""] = /export type ResourceType =([^;]+);/.exec(text) ?? [];
  return [...union.matchAll(/"([a-z-]+)"/g)].map(([, noun]) => noun ?? "");
}

/** Interface → file, of all that end in `View`. */
function declaredViews(): Map<string, string> {
  const files = readdirSync(pathOf(api)).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
  const found = files.flatMap((name) => {
    const text = readFileSync(pathOf(`${api}/${name}`), "utf8");
    return [...text.matchAll(/^export (?:interface|type) (\w+View)\b/gm)].map(
      ([, view]): [string, string] => [view ?? "", `${api}/${name}`],
    );
  });
  return new Map(found);
}
