/** NATS: is it there, does it ask who one is, and does it trust this control plane. */
import { connect as connectTcp } from "node:net";
import { ownUserJwt } from "@claviger/control-plane/fleet/nats-jwt";
import { nkeyOf } from "@claviger/control-plane/fleet/nkey";
import { jwtAuthenticator } from "@nats-io/nats-core";
import { createUser } from "@nats-io/nkeys";
import { connect } from "@nats-io/transport-node";
import { error, type Finding, fine, warning, whyOf } from "./finding.ts";

const TIMEOUT_MS = 10_000;
/** Below this a server is known to have holes (docs/operations). */
const VERSION_MIN = [2, 10, 27] as const;

interface Info {
  readonly version?: string;
  readonly auth_required?: boolean;
}

/** Every address that the control plane was given. Without `seed` it is not known whether it is trusted. */
export async function checkBus(urls: readonly string[], seed: Uint8Array | undefined): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const url of urls) findings.push(...(await checkServer(url, seed)));
  return findings;
}

async function checkServer(url: string, seed: Uint8Array | undefined): Promise<Finding[]> {
  let info: Info;
  try {
    info = await readInfo(url);
  } catch (thrown) {
    const mend = "start nats-server with the nats.conf of `claviger nats init`, or correct NATS_URL";
    return [error("bus", `nobody speaks NATS at ${url} (${whyOf(thrown)})`, mend)];
  }
  if (info.auth_required !== true) {
    const mend =
      "start it with the nats.conf of `claviger nats init`: as it is, anybody hears and says anything";
    return [error("bus", `nats-server at ${url} lets everybody in`, mend)];
  }
  const old = isOld(info.version)
    ? [
        warning(
          "bus",
          `nats-server ${info.version} at ${url} is older than ${VERSION_MIN.join(".")}`,
          "update nats-server",
        ),
      ]
    : [];
  if (seed === undefined) return [fine("bus", `nats-server ${info.version} at ${url}`), ...old];
  try {
    await signIn(url, seed);
    return [fine("bus", `nats-server ${info.version} at ${url} trusts this control plane`), ...old];
  } catch (thrown) {
    const mend =
      "run `claviger nats init` with this DATABASE_URL, and start nats-server with the nats.conf that it wrote";
    return [
      error("bus", `nats-server at ${url} does not trust this control plane (${whyOf(thrown)})`, mend),
      ...old,
    ];
  }
}

function isOld(version: string | undefined): boolean {
  const parts = (version ?? "0").split(".").map((part) => Number.parseInt(part, 10));
  for (const [i, least] of VERSION_MIN.entries()) {
    const part = parts[i] ?? 0;
    if (part !== least) return part < least;
  }
  return false;
}

/** A server says who it is before anything else, TLS included. */
function readInfo(url: string): Promise<Info> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 4222) });
    let text = "";
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error("no answer in time")));
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("it says nothing that a nats-server says")));
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      const line = /^INFO (\{.*\})\s*\r\n/.exec(text)?.[1];
      if (line !== undefined) resolve(JSON.parse(line) as Info);
      if (line !== undefined || text.length > 65_536) socket.destroy();
    });
  });
}

/** Throws when the server does not know the account that signs. */
async function signIn(url: string, seed: Uint8Array): Promise<void> {
  const user = createUser();
  const account = nkeyOf("account", seed);
  const mint = () =>
    ownUserJwt(account, user.getPublicKey(), "claviger-doctor", Math.floor(Date.now() / 1000));
  const connection = await connect({
    servers: [url],
    authenticator: jwtAuthenticator(mint, user.getSeed()),
    name: "claviger-doctor",
    reconnect: false,
    maxReconnectAttempts: 0,
    timeout: TIMEOUT_MS,
  });
  await connection.close();
}

/** What gateways are told at enrolment: something must listen there, as far as it can be seen from here. */
export async function checkPublicUrls(urls: readonly string[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const url of urls) {
    if (await listens(url)) continue;
    const mend = "set CLAVIGER_NATS_PUBLIC_URLS to addresses of nats-server that gateways reach";
    findings.push(error("bus", `nobody listens at ${url}, which gateways are told`, mend));
  }
  return findings;
}

const PORTS: Readonly<Record<string, number>> = { "nats:": 4222, "tls:": 4222, "ws:": 80, "wss:": 443 };

function listens(url: string): Promise<boolean> {
  const { hostname, port, protocol } = new URL(url);
  return new Promise((resolve) => {
    const socket = connectTcp({
      host: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port) || (PORTS[protocol] ?? 4222),
    });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(TIMEOUT_MS, () => end(false));
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
}
