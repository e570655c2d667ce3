/**
 * A gateway on the Workers runtime: the bundle that would be deployed, on the workerd that runs it there, with nothing of
 * a development server in between. Objects and their alarms live in the gateway's own folder and survive the process.
 */
import { spawn } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { answersOrIsDetached, type Blueprint, CHECKOUT, logFileOf } from "./definitions.ts";
import { HOST, httpUrl } from "./layout.ts";
import type { ChildDefinition } from "./supervise.ts";
import { LocalStackError } from "./types.ts";

const GATEWAY = join(CHECKOUT, "gateway");
const SOURCES = ["gateway/src", "gateway/wrangler.jsonc", "gateway/package.json", "shared/src"];

/** As `gateway/wrangler.jsonc` has them. */
export const COMPATIBILITY = {
  date: "2026-11-01",
  flags: ["nodejs_compat", "enable_request_signal"],
} as const;

/** The program; its package has one for each platform. */
export function workerdBinary(): string {
  const wrangler = createRequire(join(GATEWAY, "package.json")).resolve("wrangler/package.json");
  const { default: path } = createRequire(wrangler)("workerd") as { default: string };
  return path;
}

/** Makes the bundle current and returns its folder, which holds `main.js`. */
export async function bundleWorker(cacheDir: string): Promise<string> {
  const folder = join(cacheDir, "worker");
  const made = join(folder, "main.js");
  if (existsSync(made) && statSync(made).mtimeMs > newestMs()) return folder;
  mkdirSync(cacheDir, { recursive: true });
  const fresh = mkdtempSync(join(cacheDir, "worker-"));
  await runWrangler(["deploy", "--dry-run", "--outdir", fresh]);
  const old = `${fresh}-old`;
  if (existsSync(folder)) renameSync(folder, old);
  renameSync(fresh, folder);
  rmSync(old, { recursive: true, force: true });
  return folder;
}

export interface WorkerdPlan {
  /** Holds the configuration, and `objects/` with what the objects keep. */
  readonly folder: string;
  /** Holds `main.js`. */
  readonly bundle: string;
  readonly port: number;
  /** Variables and secrets, read from the process's environment, so that none of them is in a file. */
  readonly names: readonly string[];
}

/** Writes the configuration and returns its path. */
export function writeWorkerdConfig({ folder, bundle, port, names }: WorkerdPlan): string {
  const objects = join(folder, "objects");
  mkdirSync(objects, { recursive: true, mode: 0o700 });
  copyFileSync(join(bundle, "main.js"), join(folder, "main.js"));
  const text = JSON.stringify;
  const variables = names.map((name) => `(name = ${text(name)}, fromEnvironment = ${text(name)})`);
  // On Cloudflare the edge says who calls, over whatever a caller says; here all callers are on this machine.
  const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "gateway", worker = .gateway),
    (name = "outside", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true))),
    (name = "objects", disk = (path = ${text(objects)}, writable = true)),
  ],
  sockets = [(name = "http", address = "${HOST}:${port}", http = (injectRequestHeaders = [(name = "cf-connecting-ip", value = "${HOST}")]), service = "gateway")],
);
const gateway :Workerd.Worker = (
  modules = [(name = "main.js", esModule = embed "main.js")],
  compatibilityDate = "${COMPATIBILITY.date}",
  compatibilityFlags = [${COMPATIBILITY.flags.map((flag) => text(flag)).join(", ")}],
  bindings = [(name = "REPLICAS", durableObjectNamespace = "ReplicaObject"), ${variables.join(", ")}],
  durableObjectNamespaces = [(className = "ReplicaObject", uniqueKey = "claviger-replicas", enableSql = true)],
  durableObjectStorage = (localDisk = "objects"),
  globalOutbound = "outside",
);
`;
  const path = join(folder, "workerd.capnp");
  writeFileSync(path, config, { mode: 0o600 });
  return path;
}

export function workerChild(blueprint: Blueprint, gateway: string): ChildDefinition {
  const { home, layout, secrets, options, cacheDir } = blueprint;
  const port = layout.gatewayPorts[gateway] ?? 0;
  const folder = join(home, "gateways", gateway);
  const logFile = logFileOf(home, `gateway-${gateway}`);
  return {
    name: `gateway-${gateway}`,
    logFile,
    readyMsMax: 90_000,
    async prepare() {
      const token = blueprint.enrolmentToken(gateway);
      const env = {
        CLAVIGER_CONTROL_PLANE_URL: httpUrl(layout.controlPlanePorts[0] ?? 0),
        ...(token === undefined ? {} : { CLAVIGER_ENROLMENT_TOKEN: token }),
        CLAVIGER_GATEWAY_MASTER_KEY: secrets.gatewayMasterKeys[gateway] ?? "",
        CLAVIGER_PUBLIC_URL: httpUrl(port),
        CLAVIGER_EGRESS_ALLOW: `${HOST}:${layout.sandboxPort}`,
        ...options.env?.[`gateway-${gateway}`],
      };
      const bundle = await bundleWorker(cacheDir);
      const config = writeWorkerdConfig({ folder, bundle, port, names: Object.keys(env) });
      return {
        command: workerdBinary(),
        args: ["serve", config],
        cwd: folder,
        env: { PATH: "/usr/local/bin:/usr/bin:/bin", TZ: "UTC", ...env },
        logFile,
        stopSignal: "SIGTERM",
        stopMsMax: 15_000,
      };
    },
    ready: () => answersOrIsDetached(`${httpUrl(port)}/readyz`),
  };
}

function newestMs(): number {
  return Math.max(
    ...SOURCES.flatMap((source) => {
      const path = join(CHECKOUT, source);
      if (!statSync(path).isDirectory()) return [statSync(path).mtimeMs];
      const below = readdirSync(path, { recursive: true }).map((name) => join(path, String(name)));
      return [path, ...below].map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    }),
  );
}

function runWrangler(args: readonly string[]): Promise<void> {
  const program = join(GATEWAY, "node_modules/wrangler/bin/wrangler.js");
  const child = spawn(process.execPath, [program, ...args], {
    cwd: GATEWAY,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env.PATH ?? "",
      HOME: process.env.HOME ?? "",
      NO_COLOR: "1",
      CI: "1",
      WRANGLER_SEND_METRICS: "false",
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
    },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4_000);
    });
  }
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve() : reject(new LocalStackError("the Worker could not be bundled", output.trim())),
    );
  });
}
