/**
 * Writes the configuration of nats-server: operator, system account and control-plane account, so that it trusts what
 * this control plane signs. Organizations' accounts are pushed later. Safe to repeat: the keys are made once.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { openDatabase } from "../../db/database.ts";
import { migrate } from "../../db/migrate.ts";
import { type ClusterKeys, loadClusterKeys } from "../../fleet/cluster-keys.ts";
import { controlPlaneAccountJwt, operatorJwt, systemAccountJwt } from "../../fleet/nats-jwt.ts";
import { ConfigError, readKeysConfig } from "./config.ts";
import { createVault } from "./vault.ts";

export interface NatsServerOptions {
  /** Folder that the configuration is written to and that the server keeps its accounts in. */
  readonly out: string;
  readonly port: number;
  readonly wsPort: number;
  readonly host: string;
  /** One of several servers; absent: the only one, without TLS. */
  readonly node?: NatsNode | undefined;
}

/** What one server of several has of its own. Paths are as the server sees them. */
export interface NatsNode {
  readonly name: string;
  /** Certificate, key and authority, for clients, WebSocket and the other servers. */
  readonly tls: { readonly certificate: string; readonly key: string; readonly authority: string };
  /** Its own region, and the addresses of the other servers there. */
  readonly cluster: { readonly name: string; readonly port: number; readonly routes: readonly string[] };
  /** The other regions; with none there is one cluster alone. */
  readonly regions: {
    readonly port: number;
    readonly others: readonly { readonly name: string; readonly urls: readonly string[] }[];
  };
}

/** The text of `nats.conf`. No JetStream: nothing that a promise needs is stored on the bus. */
export function natsConfig(
  keys: Pick<ClusterKeys, "operator" | "system" | "controlPlane">,
  options: NatsServerOptions,
): string {
  const iat = Math.floor(Date.now() / 1000);
  const { operator, system, controlPlane } = keys;
  const text = JSON.stringify;
  return `# Written by "claviger nats init"; do not edit.
server_name: ${options.node?.name ?? "claviger"}
host: ${text(options.host)}
port: ${options.port}
operator: ${operatorJwt(operator, system.publicKey, iat)}
system_account: ${system.publicKey}
resolver: { type: full, dir: ${text(join(options.out, "accounts"))}, allow_delete: false, interval: "2m" }
resolver_preload: {
  ${system.publicKey}: ${systemAccountJwt(operator, system.publicKey, iat)}
  ${controlPlane.publicKey}: ${controlPlaneAccountJwt(operator, controlPlane.publicKey, iat)}
}
websocket: { host: ${text(options.host)}, port: ${options.wsPort}, ${options.node === undefined ? "no_tls: true" : tlsOf(options.node, false)} }
max_payload: 1MB
max_pending: 64MB
max_connections: 65536
max_subscriptions: 0
write_deadline: "5s"
ping_interval: "5s"
ping_max: 2
${options.node === undefined ? "" : nodeConfig(options.node, options.host)}`;
}

/** TLS for clients, who prove themselves by their JWT, and among servers, who prove themselves by their certificate. */
function nodeConfig(node: NatsNode, host: string): string {
  const text = JSON.stringify;
  const { cluster, regions } = node;
  const others = regions.others.map(({ name, urls }) => `    { name: ${text(name)}, urls: ${text(urls)} }`);
  const gateway = `gateway: {
  name: ${text(cluster.name)}
  host: ${text(host)}
  port: ${regions.port}
  ${tlsOf(node, true)}
  reject_unknown_cluster: true
  gateways: [
${others.join("\n")}
  ]
}
`;
  return `${tlsOf(node, false)}
cluster: {
  name: ${text(cluster.name)}
  host: ${text(host)}
  port: ${cluster.port}
  ${tlsOf(node, true)}
  routes: ${text(cluster.routes)}
}
${regions.others.length === 0 ? "" : gateway}`;
}

function tlsOf({ tls }: NatsNode, verify: boolean): string {
  const text = JSON.stringify;
  const authority = verify ? `, ca_file: ${text(tls.authority)}, verify: true` : "";
  return `tls: { cert_file: ${text(tls.certificate)}, key_file: ${text(tls.key)}${authority}, timeout: 5 }`;
}

/** Makes the keys when there are none, and writes `nats.conf`; returns its path. */
export async function initNats(
  config: { databaseUrl: string; kek: Uint8Array },
  options: NatsServerOptions,
): Promise<string> {
  await migrate(config.databaseUrl);
  const { db, close } = openDatabase(config.databaseUrl, 1);
  try {
    const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
    const keys = await loadClusterKeys(db, { vault: await createVault(config.kek), random });
    mkdirSync(join(options.out, "accounts"), { recursive: true });
    const file = join(options.out, "nats.conf");
    writeFileSync(file, natsConfig(keys, options), { mode: 0o600 });
    return file;
  } finally {
    await close();
  }
}

/**
 * The command: `args` as `--out DIR [--port N] [--ws-port N] [--host A]`; resolves to the path of `nats.conf`. Throws
 * `ConfigError` for what is wrong with arguments or settings.
 */
export async function natsInit(args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const values = parse(args);
  if (values.out === undefined) throw new ConfigError("--out is missing: the folder to write nats.conf to");
  return initNats(readKeysConfig(env), {
    out: resolve(values.out),
    port: portOf("--port", values.port),
    wsPort: portOf("--ws-port", values["ws-port"]),
    host: values.host,
  });
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (error) {
    // Node's own words name the argument; the first sentence says all.
    throw new ConfigError(String((error as Error).message).split(". ")[0]);
  }
}

const OPTIONS = {
  out: { type: "string" },
  port: { type: "string", default: "8711" },
  "ws-port": { type: "string", default: "8712" },
  host: { type: "string", default: "127.0.0.1" },
} as const;

function portOf(name: string, text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new ConfigError(`${name} must be a port number`);
}

if (import.meta.main) {
  natsInit(process.argv.slice(2), process.env).then(
    (file) => process.stdout.write(`${file}\n`),
    (error: unknown) => {
      process.stderr.write(`${error instanceof ConfigError ? error.message : String(error)}\n`);
      process.exitCode = 1;
    },
  );
}
