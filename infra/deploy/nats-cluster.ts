/**
 * Several nats-servers that trust one control plane: a cluster for each region, the regions joined with each other, TLS
 * for everybody and wss for edges. Written from the cluster's own keys, which are made once, so it is safe to repeat.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "@claviger/control-plane/db/database";
import { migrate } from "@claviger/control-plane/db/migrate";
import { loadClusterKeys } from "@claviger/control-plane/fleet/cluster-keys";
import { natsConfig } from "@claviger/control-plane/runtime/node/nats-init";
import { createVault } from "@claviger/control-plane/runtime/node/vault";
import { type Certificate, makeAuthority, makeServer } from "./certificate.ts";

export interface Server {
  readonly name: string;
  readonly region: string;
  /** The name by which clients and the other servers reach it; NATS's clients do not check certificates of addresses. */
  readonly host: string;
  readonly port: number;
  readonly wsPort: number;
  readonly clusterPort: number;
  readonly regionPort: number;
}

export const defaultPorts = { port: 4222, wsPort: 8443, clusterPort: 6222, regionPort: 7222 } as const;

export interface ClusterOptions {
  readonly databaseUrl: string;
  readonly kek: Uint8Array;
  /** Gets a folder for each server, and `authority/`. */
  readonly out: string;
  /** Where that folder will lie on the servers; `out` unless given. */
  readonly installedAt?: string;
  readonly servers: readonly Server[];
  /** To listen on; `0.0.0.0` unless given. */
  readonly listen?: string;
  readonly now: Date;
}

const YEAR_MS = 365 * 86_400_000;

/** Writes `OUT/<name>/{nats.conf,server.pem,server.key}` and `OUT/authority/ca.pem`; returns the paths of the configurations. */
export async function writeCluster(options: ClusterOptions): Promise<string[]> {
  await migrate(options.databaseUrl);
  const { db, close } = openDatabase(options.databaseUrl, 1);
  try {
    const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
    const keys = await loadClusterKeys(db, { vault: await createVault(options.kek), random });
    const authority = authorityIn(join(options.out, "authority"), options.now);
    return options.servers.map((server) => {
      const folder = join(options.out, server.name);
      mkdirSync(join(folder, "accounts"), { recursive: true, mode: 0o700 });
      const validity = {
        from: new Date(options.now.getTime() - 3_600_000),
        to: new Date(options.now.getTime() + YEAR_MS),
      };
      const made = makeServer([server.host, server.name], validity, authority);
      writeFileSync(join(folder, "server.pem"), made.certificatePem, { mode: 0o644 });
      writeFileSync(join(folder, "server.key"), made.keyPem, { mode: 0o600 });
      const file = join(folder, "nats.conf");
      writeFileSync(file, natsConfig(keys, serverOptions(server, options)), { mode: 0o600 });
      return file;
    });
  } finally {
    await close();
  }
}

function serverOptions(
  server: Server,
  { servers, out, installedAt = out, listen = "0.0.0.0" }: ClusterOptions,
) {
  const folder = join(installedAt, server.name);
  const others = servers.filter(({ name }) => name !== server.name);
  const inRegion = (region: string) => others.filter((other) => other.region === region);
  const regions = [...new Set(others.map(({ region }) => region))].filter(
    (region) => region !== server.region,
  );
  return {
    out: folder,
    port: server.port,
    wsPort: server.wsPort,
    host: listen,
    node: {
      name: server.name,
      tls: {
        certificate: join(folder, "server.pem"),
        key: join(folder, "server.key"),
        authority: join(installedAt, "authority", "ca.pem"),
      },
      cluster: {
        name: server.region,
        port: server.clusterPort,
        routes: inRegion(server.region).map(({ host, clusterPort }) => `nats-route://${host}:${clusterPort}`),
      },
      regions: {
        port: server.regionPort,
        others: regions.map((name) => ({
          name,
          urls: inRegion(name).map(({ host, regionPort }) => `tls://${host}:${regionPort}`),
        })),
      },
    },
  };
}

/** The authority of a former run, or a new one; whoever has `ca.key` can pass for a server. */
function authorityIn(folder: string, now: Date): Certificate {
  const [certificate, key] = [join(folder, "ca.pem"), join(folder, "ca.key")];
  const name = "Claviger NATS";
  if (existsSync(certificate) && existsSync(key)) {
    return { name, certificatePem: readFileSync(certificate, "utf8"), keyPem: readFileSync(key, "utf8") };
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const made = makeAuthority(name, {
    from: new Date(now.getTime() - 3_600_000),
    to: new Date(now.getTime() + 10 * YEAR_MS),
  });
  writeFileSync(certificate, made.certificatePem, { mode: 0o644 });
  writeFileSync(key, made.keyPem, { mode: 0o600 });
  return made;
}
