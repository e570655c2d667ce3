/** Real nats-servers of two regions, with TLS and wss, as `claviger nats cluster` writes them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "@claviger/control-plane/db/database";
import { loadClusterKeys } from "@claviger/control-plane/fleet/cluster-keys";
import { ownUserJwt } from "@claviger/control-plane/fleet/nats-jwt";
import { KEK } from "@claviger/control-plane/fleet/testing/control-plane";
import { createVault } from "@claviger/control-plane/runtime/node/vault";
import { jwtAuthenticator, type NatsConnection } from "@nats-io/nats-core";
import { createUser } from "@nats-io/nkeys";
import { connect } from "@nats-io/transport-node";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type StartedNats, startNats } from "../local/nats-server.ts";
import { createDatabase } from "../testing/database.ts";
import { type PortRange, reservePortRange } from "../testing/port-range.ts";
import { type Server, writeCluster } from "./nats-cluster.ts";

let out: string;
let range: PortRange;
let servers: Server[];
let running: StartedNats[];
let ca: string;
let authenticator: ReturnType<typeof jwtAuthenticator>;

const place = (n: number, name: string, region: string): Server => {
  const port = range.base + 4 * n;
  return {
    name,
    region,
    host: "localhost",
    port,
    wsPort: port + 1,
    clusterPort: port + 2,
    regionPort: port + 3,
  };
};

beforeAll(async () => {
  out = mkdtempSync(join(tmpdir(), "claviger-nats-"));
  const { url: databaseUrl } = await createDatabase(inject("postgresUrl"));
  range = await reservePortRange();
  servers = [place(0, "eu-0", "eu"), place(1, "eu-1", "eu"), place(2, "eu-2", "eu"), place(3, "us-0", "us")];
  const files = await writeCluster({
    databaseUrl,
    kek: KEK,
    out,
    servers,
    listen: "127.0.0.1",
    now: new Date(),
  });
  running = await Promise.all(
    files.map((configFile, i) =>
      startNats({ binary: inject("natsServerBinary"), configFile, port: servers[i]?.port ?? 0 }),
    ),
  );
  ca = readFileSync(join(out, "authority", "ca.pem"), "utf8");
  const { db, close } = openDatabase(databaseUrl, 1);
  const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
  const { controlPlane } = await loadClusterKeys(db, { vault: await createVault(KEK), random });
  await close();
  const user = createUser();
  const mint = () => ownUserJwt(controlPlane, user.getPublicKey(), "test", Math.floor(Date.now() / 1000));
  authenticator = jwtAuthenticator(mint, user.getSeed());
});
afterAll(async () => {
  for (const server of running ?? []) await server.stop();
  range?.release();
  rmSync(out, { recursive: true, force: true });
});

const at = (i: number): Promise<NatsConnection> =>
  connect({
    servers: [`tls://localhost:${servers[i]?.port}`],
    tls: { ca },
    authenticator,
    timeout: 30_000,
    reconnect: false,
  });

/** Says it again until it is heard: interest travels between servers in its own time. */
async function hears(from: NatsConnection, to: NatsConnection, subject: string): Promise<void> {
  const heard = Promise.withResolvers<void>();
  to.subscribe(subject, { callback: () => heard.resolve() });
  await to.flush();
  const again = setInterval(() => from.publish(subject, "x"), 50);
  try {
    await heard.promise;
  } finally {
    clearInterval(again);
  }
}

test("what is said at one server is heard at the others, in the same region and in another", async () => {
  const [first, third, abroad] = await Promise.all([at(0), at(2), at(3)]);
  await hears(first, third, "within");
  await hears(first, abroad, "across");
  await hears(abroad, third, "back");
  await Promise.all([first.close(), third.close(), abroad.close()]);
});

test("with one server of a region killed, the others go on", async () => {
  await running[1]?.stop();
  const [first, third, abroad] = await Promise.all([at(0), at(2), at(3)]);
  await hears(first, third, "after.within");
  await hears(third, abroad, "after.across");
  await Promise.all([first.close(), third.close(), abroad.close()]);
});

test("nobody is let in without TLS, by another authority, or without a credential", async () => {
  const server = `localhost:${servers[0]?.port}`;
  const options = { timeout: 30_000, reconnect: false };
  await expect(connect({ servers: [`tls://${server}`], authenticator, ...options })).rejects.toThrow();
  await expect(connect({ servers: [`tls://${server}`], tls: { ca }, ...options })).rejects.toThrow(
    /uthorization/,
  );
});

test("an edge reaches it by wss, when it trusts the authority", async () => {
  const script = `const socket = new WebSocket("wss://localhost:${servers[0]?.wsPort}");
socket.binaryType = "arraybuffer";
socket.onmessage = ({ data }) => { console.log(Buffer.from(data).toString().slice(0, 5)); process.exit(0); };
socket.onerror = () => process.exit(9);`;
  const asked = async (env: Record<string, string>) => {
    const child = spawn(process.execPath, ["-e", script], { env, stdio: ["ignore", "pipe", "ignore"] });
    let said = "";
    child.stdout.on("data", (chunk) => {
      said += String(chunk);
    });
    const [code] = await once(child, "close");
    return { code, said };
  };
  expect(await asked({ NODE_EXTRA_CA_CERTS: join(out, "authority", "ca.pem") })).toEqual({
    code: 0,
    said: "INFO \n",
  });
  expect(await asked({})).toMatchObject({ code: 9 });
});
