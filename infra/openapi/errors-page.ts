/** docs/api/errors.md, from the one table of refusals. */
import { MCP_MESSAGES } from "@claviger/shared/decide/mcp-problem";
import type { RefusalRow, RefusalType } from "@claviger/shared/decide/refusal-row";
import { type RefusalCode, refusals } from "@claviger/shared/decide/refusals";

/** What callers should make of each kind, before they look at the code. */
const types: Readonly<Record<RefusalType, string>> = {
  authentication_error:
    "Who asks is not known, or not any more. Trying again does not help; another credential does.",
  permission_error:
    "Who asks is known and may not do this. Somebody who may has to widen the key or the role.",
  invalid_request_error: "The request itself has to change.",
  rate_limit_error: "Too fast. Wait as long as `retry-after` says.",
  insufficient_quota: "The budget is used up. Waiting helps only when it begins anew (`retry-after`).",
  service_unavailable: "Not now, or not here. Wait as long as `retry-after` says, or use another gateway.",
  upstream_error: "The provider behind the gateway failed, not the gateway.",
  server_error: "A fault of ours. Tell whoever runs it the request id.",
};

/** The whole page. */
export function errorsPage(): string {
  const rows = Object.entries(refusals) as [RefusalCode, RefusalRow][];
  const sections = (Object.keys(types) as RefusalType[]).map((type) => {
    const own = rows.filter(([, row]) => row.type === type);
    return [`## ${type}`, "", types[type], "", ...own.flatMap(([code, row]) => entryOf(code, row))].join(
      "\n",
    );
  });
  return `${head}\n${sections.join("\n")}`;
}

const head = `# Error codes

Every refusal has a code. Codes are stable: one is never given another meaning, and none disappears without a line in the changelog.
The sentence beside it may change. Written by \`infra/openapi/make.ts\` from the table that answers, so it cannot be out of date.

The control plane answers \`{"errors": [{id, status, code, title, detail, source}]}\` (JSON:API). A gateway answers in the shape of the API that
was called: \`error.code\` and \`error.type\` for OpenAI's, \`error.type\` with the code in the message's request id for Anthropic's, \`error.status\`
for Gemini's; the header \`x-request-id\` is on all of them. \`POST /oauth/token\` answers with RFC 6749's own codes.
`;

function entryOf(code: RefusalCode, row: RefusalRow): string[] {
  const facts = [
    `HTTP ${row.status}`,
    ...(row.retryAfterSeconds === undefined ? [] : [`\`retry-after: ${row.retryAfterSeconds}\``]),
    ...(row.shouldRetry === false ? ["clients are told not to try again (`x-should-retry: false`)"] : []),
    ...(row.param === undefined ? [] : [`about \`${row.param}\``]),
    ...(row.close === true ? ["the connection is closed"] : []),
  ];
  const entry = [`### \`${code}\``, "", `${facts.join(", ")}.`, "", `> ${row.message}`, ""];
  const ofMcp = MCP_MESSAGES[code];
  return ofMcp === undefined ? entry : [...entry, "At an address of MCP:", "", `> ${ofMcp}`, ""];
}
