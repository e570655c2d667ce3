/** A room: which files stand in it, and what they may import. Its own files it may always import. */
export type Room = {
  /** What a violation calls it; `$1` is what `at` captured. */
  name: string;
  at: RegExp;
  /** Repository paths it may import. */
  files: readonly RegExp[];
  /** Repository paths of which it may import types. */
  types?: readonly RegExp[];
  /** Packages and `node:` modules it may import. */
  packages: readonly RegExp[];
  /** Packages of which it may import types. */
  packageTypes?: readonly RegExp[];
  /** Why, in words for whoever meets the rule. */
  because: string;
};

const any = [/./];
const noBuiltin = [/^(?!node:)/];
const shared = [/^shared\/src\/(?!testing\/)/];
const gatewayRoot = /^gateway\/src\/(?!app\.ts$)[^/]+\.ts$/;
const controlPlaneRoot = /^control-plane\/src\/(?!app\.ts$)[^/]+\.ts$/;
const portable = [/^(zod|jose|hono|ipaddr\.js)(\/|$)/];
const persistence = [/^(drizzle-orm|zod|jose|ipaddr\.js)(\/|$)/, /^node:/];

/**
 * Who may import whom (docs/architecture.md, "Rooms"). The first row whose `at` fits holds; a file that fits none is a
 * violation, so that a new room starts with a new row.
 */
export const rooms: readonly Room[] = [
  {
    name: "shared/$1",
    at: /^shared\/src\/(decide|sync|money|escrow|rate)\//,
    files: [/^shared\/src\/(decide|sync|money|escrow|rate)\//],
    types: [/^shared\/src\/wire\//],
    packages: [],
    packageTypes: [/^zod$/],
    because: "a pure room takes types from shared/wire and nothing else",
  },
  {
    name: "shared/key",
    at: /^shared\/src\/key\//,
    files: [/^shared\/src\/wire\/chain\.ts$/],
    types: [/^shared\/src\/wire\//],
    packages: [/^jose$/],
    because: "it runs on every platform: WebCrypto and jose only",
  },
  {
    name: "shared/wire",
    at: /^shared\/src\/wire\//,
    files: [/^shared\/src\/key\//],
    packages: [/^(zod|jose)$/],
    because: "it runs on every platform: zod, WebCrypto and jose only",
  },
  {
    name: "shared/api",
    at: /^shared\/src\/api\//,
    files: [/^shared\/src\/(wire|key|decide|money)\//],
    packages: [/^zod$/],
    because: "the dashboard loads it: schemas only",
  },
  {
    name: "shared/testing",
    at: /^shared\/src\/testing\//,
    files: [/^shared\/src\//],
    packages: [/^(zod|jose|fast-check|vitest)$/],
    because: "it is for tests of every runtime",
  },
  {
    name: "gateway/runtime/workers",
    at: /^gateway\/src\/runtime\/workers\//,
    files: [/^gateway\/src\/(?!runtime\/)/, ...shared],
    packages: [...noBuiltin, /^node:crypto$/],
    because: "one runtime knows nothing of the other, and of Node workerd has hashes that do not wait",
  },
  {
    name: "gateway/runtime/$1",
    at: /^gateway\/src\/runtime\/([^/]+)\//,
    files: [/^gateway\/src\/(?!runtime\/)/, ...shared],
    packages: any,
    because: "one runtime knows nothing of the other",
  },
  {
    name: "gateway/app.ts",
    at: /^gateway\/src\/app\.ts$/,
    files: [/^gateway\/src\/(?!runtime\/)/, ...shared],
    packages: portable,
    because: "the core runs on every runtime",
  },
  {
    name: "gateway/replica",
    at: /^gateway\/src\/replica\//,
    files: [/^gateway\/src\/(?!runtime\/|app\.ts$)/, ...shared],
    types: [/^gateway\/src\/app\.ts$/],
    packages: portable,
    because: "it puts the rooms of a replica together, on every runtime",
  },
  {
    name: "gateway's ports",
    at: gatewayRoot,
    files: [gatewayRoot, ...shared],
    packages: portable,
    because: "ports know no room",
  },
  {
    name: "gateway/$1",
    at: /^gateway\/src\/(courier|identity)\//,
    files: [gatewayRoot, ...shared],
    packages: [...portable, /^@nats-io\/(nats-core|nkeys)$/],
    because: "the bus's own code runs on every platform; how to connect to it is the runtime's",
  },
  {
    name: "gateway/$1",
    at: /^gateway\/src\/([^/]+)\//,
    files: [gatewayRoot, ...shared],
    packages: portable,
    because: "a gateway room knows the ports and shared; rooms meet in app.ts, platforms in runtime",
  },
  {
    name: "control-plane/runtime/$1",
    at: /^control-plane\/src\/runtime\/([^/]+)\//,
    files: [/^control-plane\/src\//, ...shared],
    packages: any,
    because: "a runtime knows its own package and shared",
  },
  {
    name: "control-plane/app.ts",
    at: /^control-plane\/src\/app\.ts$/,
    files: [/^control-plane\/src\/(?!runtime\/)/, ...shared],
    packages: any,
    because: "the core knows no runtime",
  },
  {
    name: "control-plane's ports",
    at: controlPlaneRoot,
    files: [controlPlaneRoot, ...shared],
    types: [/^control-plane\/src\/(db|fleet)\//],
    packages: persistence,
    because: "ports know no room but the types of db and fleet",
  },
  {
    name: "control-plane/http",
    at: /^control-plane\/src\/http\//,
    files: [/^control-plane\/src\/(?!(db|runtime)\/|app\.ts$)/, ...shared],
    packages: [/^(hono|@hono\/[\w-]+|zod|ipaddr\.js)(\/|$)/, /^node:/],
    because: "http mounts contracts on verbs and never reads the database",
  },
  {
    name: "control-plane/db",
    at: /^control-plane\/src\/db\//,
    files: [controlPlaneRoot, ...shared],
    types: [/^control-plane\/src\/(?!http\/|runtime\/)/],
    packages: [...persistence, /^postgres$/],
    because: "db knows of the rooms above it only what types its columns",
  },
  {
    name: "control-plane/fleet",
    at: /^control-plane\/src\/fleet\//,
    files: [controlPlaneRoot, /^control-plane\/src\/db\//, ...shared],
    packages: [...persistence, /^@nats-io\/(nkeys|jwt)$/],
    because: "fleet knows ports, db and shared; NATS itself is behind a port",
  },
  {
    name: "control-plane/$1",
    at: /^control-plane\/src\/([^/]+)\//,
    files: [
      controlPlaneRoot,
      /^control-plane\/src\/(?!(http|fleet|runtime)\/|app\.ts$)/,
      // Fleet's doors for verbs; its machinery (relay, intake, barrier) is not among them.
      /^control-plane\/src\/fleet\/(journal|journal-types|organization|data-key|enrolment|accounts|ask-all|refusals|slots|escrow\/charge|escrow\/limit)\.ts$/,
      ...shared,
    ],
    packages: [...persistence, /^@pydantic\/genai-prices$/],
    because: "a verb knows ports, db, fleet's doors, other nouns and shared; not http, hono or NATS",
  },
  {
    name: "dashboard",
    at: /^dashboard\//,
    files: [/^dashboard\//, /^shared\/src\/api\//],
    types: [/^shared\/src\/wire\//, /^shared\/src\/sync\/operation\.ts$/],
    packages: [/^(?!node:|drizzle|hono|@hono|@nats-io|postgres)/],
    because: "the dashboard knows the contract, not the implementation",
  },
  {
    name: "infra/$1",
    at: /^infra\/(house|tidy)\//,
    files: [],
    packages: any,
    because: "tools of the house know nothing of the product",
  },
  {
    name: "infra/$1",
    at: /^infra\/([^/]+)\//,
    files: [/^(infra|control-plane|gateway|shared)\//],
    packages: any,
    because: "infra may know everything but the dashboard",
  },
  {
    name: "a package's tool settings",
    at: /^[^/]+\/[^/]+\.config\.ts$/,
    files: [],
    packages: any,
    because: "tool settings stand alone",
  },
];

/** The row that holds for a file and the name of its room; undefined when the table has none. */
export function roomOf(path: string): { room: Room; name: string } | undefined {
  for (const room of rooms) {
    const match = room.at.exec(path);
    if (match !== null) return { room, name: room.name.replace("$1", match[1] ?? "") };
  }
  return undefined;
}
