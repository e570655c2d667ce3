/** The conformance table as `docs/conformance.md` shows it, made of the cases that run. */
import { routes } from "@claviger/gateway/forward/routes";
import { aiCases } from "./ai-cases.ts";
import { anthropicCases } from "./anthropic-cases.ts";
import { type Case, FEATURES } from "./case.ts";
import { geminiCases } from "./gemini-cases.ts";
import { openaiCases } from "./openai-cases.ts";

export const cases: readonly Case[] = [...openaiCases, ...anthropicCases, ...geminiCases, ...aiCases];

const HEAD = `# Conformance

What a client gets through a gateway is what it gets from the provider itself. Each mark is a test
(\`infra/conformance\`) that asks the same of both, by the client's own package, and compares what the client made of
the answers: text, tool calls, usage, finish reasons, and the classes and status of the errors it raises. The
provider is the sandbox. This page is compared with the cases that run, so a mark without a test fails, and so does
an address of the gateway's table without a mark.

Versions: openai 7.55.0, @anthropic-ai/sdk 1.11.0, @google/genai 3.1.0, ai 7.0.173 with @ai-sdk/openai 4.0.118,
@ai-sdk/anthropic 4.0.105 and @ai-sdk/google 4.0.121. "By hand" is a request without a client's package.

`;

/** The page. */
export function renderTable(): string {
  const rows = new Map<string, Case[]>();
  for (const each of cases) {
    const name = `| \`${pathOf(each.surface)}\` | ${each.client} | ${each.streamed ? "streamed" : "whole"} |`;
    rows.set(name, [...(rows.get(name) ?? []), each]);
  }
  const lines = [...rows].map(([name, of]) => {
    const marks = FEATURES.map((feature) => (of.some((each) => each.feature === feature) ? "✓" : ""));
    return `${name} ${marks.join(" | ")} |`;
  });
  const titles = `| address | client | answer | ${FEATURES.join(" | ")} |\n|---|---|---|${"---|".repeat(FEATURES.length)}`;
  return `${HEAD}${titles}\n${lines.sort().join("\n")}\n`;
}

/** Addresses of the gateway's table without a case. */
export function withoutCase(): string[] {
  return routes
    .filter((route) => route.kind === "forward" && !cases.some(({ surface }) => surface === route.surface))
    .map(({ path }) => path);
}

function pathOf(surface: Case["surface"]): string {
  if (surface === "models") return "/v1/models, /v1beta/models";
  const found = routes.find((route) => route.kind === "forward" && route.surface === surface);
  if (found === undefined) throw new Error(`no route has the surface ${surface}`);
  return found.path;
}
