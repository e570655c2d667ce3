/** What a newcomer reads when the stack is up. */
import { relative } from "node:path";
import type { Stack } from "./types.ts";

export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
}

/** Colours on a terminal, plain text elsewhere. */
export function paintFor(isTerminal: boolean): Paint {
  const wrap = (on: number, off: number) => (text: string) =>
    isTerminal ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  return { bold: wrap(1, 22), dim: wrap(2, 22), red: wrap(31, 39) };
}

/** The final words: addresses, who to sign in as, a key, and a command that works. */
export function readyText(stack: Stack, pages: readonly string[], seconds: string, paint: Paint): string {
  const { urls, credentials } = stack;
  const rows: [string, string][] = [["Control plane", `${urls.controlPlane}/api/v1`]];
  if (pages.includes("dashboard")) rows.push(["Dashboard", urls.dashboard]);
  if (pages.includes("docs")) rows.push(["API reference", `${urls.controlPlane}/docs`]);
  for (const [name, url] of Object.entries(urls.gateways)) rows.push([`Gateway ${name}`, url]);
  rows.push(["Sandbox provider", urls.sandbox]);
  const ports = [urls.postgres, urls.nats, urls.natsWebSocket].map((url) => new URL(url).port);
  rows.push(["PostgreSQL, NATS", `ports ${ports[0]}, ${ports[1]} (WebSocket ${ports[2]})`]);
  const who: [string, string][] =
    credentials === null
      ? [["Operator token", stack.operatorToken]]
      : [
          ["Administrator", credentials.adminEmail],
          ["First password", credentials.adminPassword],
          ["Demo API key", credentials.demoKey],
        ];
  const table = (lines: [string, string][]) => lines.map(([name, value]) => `  ${name.padEnd(18)}${value}`);
  return [
    "",
    paint.bold(`Claviger is ready (${seconds} s).`),
    "",
    ...table(rows),
    "",
    ...table(who),
    "",
    ...(credentials === null ? emptyHints(stack) : [tryIt(stack, credentials.demoKey)]),
    "",
    paint.dim(`  Everything is kept in ${nearPath(stack.home)} (logs/ and credentials.json too).`),
    paint.dim("  Ctrl-C stops it and keeps the data; npm start -- --reset begins anew."),
    "",
  ].join("\n");
}

function tryIt(stack: Stack, demoKey: string): string {
  const [name, url] = Object.entries(stack.urls.gateways)[0] ?? ["", ""];
  const body = `{"model":"sandbox/echo","messages":[{"role":"user","content":"Hello"}]}`;
  return [
    `  Try it (gateway ${name}; the same key works on every gateway):`,
    "",
    `curl ${url}/v1/chat/completions \\`,
    `  -H 'authorization: Bearer ${demoKey}' \\`,
    `  -H 'content-type: application/json' \\`,
    `  -d '${body}'`,
  ].join("\n");
}

function emptyHints(stack: Stack): string[] {
  const attributes = `"name":"Acme","adminEmail":"you@example.com","adminName":"You","adminPassword":"at least 12 characters"`;
  return [
    "  The system is empty: no organization, so no gateways yet. Make the first one:",
    "",
    `curl ${stack.urls.controlPlane}/api/v1/organizations \\`,
    `  -H 'authorization: Bearer ${stack.operatorToken}' \\`,
    `  -H 'content-type: application/json' \\`,
    `  -d '{"data":{"type":"organization","attributes":{${attributes}}}}'`,
    "",
    "  Then sign in, make an enrolment token for each gateway, and start gateways with it.",
  ];
}

/** A path as short as it can be typed from here. */
export function nearPath(path: string): string {
  const near = relative(process.cwd(), path);
  return near.startsWith("..") ? path : near;
}
