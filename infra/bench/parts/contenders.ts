/** Who is measured: the gateway in a real stack, nginx and Portkey, each in front of the same bare provider. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAdmin } from "../../e2e/support/admin.ts";
import { layOut } from "../../local/layout.ts";
import { findFreePort } from "../../local/ports.ts";
import { type ProcessSpec, startProcess } from "../../local/process.ts";
import { accepts, waitUntil } from "../../local/wait.ts";
import { reservePortRange } from "../../testing/port-range.ts";
import { startStack } from "../../testing/stack.ts";
import { CORES, pinTo } from "./processes.ts";
import { findNginx, findPortkey } from "./programs.ts";

/** The pace at which the provider streams, in milliseconds between events; none where it does not. */
export type Pace = number | undefined;

export interface Contender {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  /** Path, model and headers of a request. */
  ask(pace?: Pace): { path: string; model: string; headers: Record<string, string> };
  stop(): Promise<void>;
}

const MODEL = "bench-model";

export interface BenchGateway extends Contender {
  /** The same process, asked by a key with a hard budget that is never used up. Of the gateway, `stop` ends both. */
  budgeted(): Promise<Contender>;
}

function providerPath(pace: Pace): string {
  return pace === undefined ? "" : `/pace/${pace}`;
}

/** The provider itself, for latencies; it has no CPU time that anybody asks for. */
export function direct(upstreamPort: number): Omit<Contender, "pid" | "stop"> {
  const ask = (pace: Pace) => ({
    path: `${providerPath(pace)}/v1/chat/completions`,
    model: MODEL,
    headers: { authorization: "Bearer nobody" },
  });
  return { name: "direct", port: upstreamPort, ask };
}

/**
 * The whole product: PostgreSQL, NATS, control plane and one gateway, whose key has no budget and every usual field. On
 * the measured core there is only the gateway, with all its threads.
 */
export async function startGateway(upstreamPort: number, paces: readonly Pace[]): Promise<BenchGateway> {
  const range = await reservePortRange();
  const { sandboxPort } = layOut({ portBase: range.base });
  const egress = { CLAVIGER_EGRESS_ALLOW: `127.0.0.1:${sandboxPort},127.0.0.1:${upstreamPort}` };
  const stack = await startStack({
    portBase: range.base,
    gateways: { "bench-1": 1 },
    env: { "gateway-bench-1": egress, "control-plane": egress },
  });
  const { credentials, pids, urls } = stack;
  const pid = pids["gateway-bench-1"];
  if (credentials === null || pid === undefined) throw new Error("the stack has no gateway");
  for (const other of Object.values(pids)) {
    if (other !== undefined) pinTo(other, other === pid ? CORES.measured : CORES.others);
  }
  const admin = createAdmin(urls.controlPlane, credentials.adminToken);
  for (const pace of paces) {
    const attributes = {
      name: nameOf(pace),
      provider: "openai-compatible",
      secretKey: "sk-bench-0123456789",
      baseUrl: `http://127.0.0.1:${upstreamPort}${providerPath(pace)}`,
      customModels: [MODEL],
    };
    const body = { data: { type: "llm-api-key", attributes } };
    await admin.change("POST", `/projects/${credentials.projectId}/llm-api-keys`, body);
  }
  const askWith =
    ({ secret }: { secret: string }) =>
    (pace: Pace) => ({
      path: "/v1/chat/completions",
      model: `${nameOf(pace)}/${MODEL}`,
      headers: { authorization: `Bearer ${secret}` },
    });
  const port = Number(new URL(urls.gateways["bench-1"] ?? "").port);
  const key = await admin.createKey(credentials.projectId, { metadata: { team: "bench" } });
  return {
    name: "gateway",
    port,
    pid,
    ask: askWith(key),
    async budgeted() {
      const prices = { inputUsdPerMillion: "0.1", outputUsdPerMillion: "0.4", outputTokensMax: 1000 };
      const model = { data: { type: "model", attributes: prices } };
      await admin.change("PATCH", `/models/openai-compatible%2F${MODEL}`, model);
      const budget = { budgetUsd: "1000000", budgetPeriod: "total" };
      const capped = await admin.createKey(credentials.projectId, { metadata: { team: "bench" }, ...budget });
      return { name: "gateway, budget", port, pid, ask: askWith(capped), stop: async () => undefined };
    },
    async stop() {
      await stack.stop();
      range.release();
    },
  };
}

function nameOf(pace: Pace): string {
  return pace === undefined ? "bench" : `bench-${pace}`;
}

/** One worker with keep-alive connections to the provider: the practical limit. */
export async function startNginx(upstreamPort: number): Promise<Contender> {
  const port = await findFreePort();
  const { ask } = direct(upstreamPort);
  return startMeasured("nginx", port, ask, (folder) => {
    for (const name of ["body", "proxy", "fastcgi", "uwsgi", "scgi"]) mkdirSync(join(folder, name));
    const file = join(folder, "nginx.conf");
    writeFileSync(file, nginxConfig(port, upstreamPort));
    return { command: findNginx(), args: ["-p", `${folder}/`, "-c", file, "-e", join(folder, "errors.log")] };
  });
}

function nginxConfig(port: number, upstreamPort: number): string {
  return `
daemon off; master_process off; pid pid;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 100000000; client_max_body_size 1m; client_body_buffer_size 256k;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  upstream provider { server 127.0.0.1:${upstreamPort}; keepalive 128; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port} backlog=1024;
    proxy_http_version 1.1; proxy_set_header Connection "";
    location / { proxy_pass http://provider; }
    location /pace/ { proxy_pass http://provider; proxy_buffering off; }
  }
}
`;
}

/** A proxy of `floor-main.ts`, which does nothing that a gateway is for. */
export async function startFloor(kind: "net" | "server" | "relay", upstreamPort: number): Promise<Contender> {
  const port = await findFreePort();
  const file = join(import.meta.dirname, "floor-main.ts");
  return startMeasured(`node ${kind}`, port, direct(upstreamPort).ask, () => ({
    command: process.execPath,
    args: [file, kind, String(port), String(upstreamPort)],
  }));
}

/** The peer: it routes, and has no keys, budgets or logs. */
export async function startPortkey(upstreamPort: number, purpose: "plain" | "streams"): Promise<Contender> {
  const port = await findFreePort();
  const program = findPortkey(purpose);
  const ask = (pace: Pace) => ({
    path: "/v1/chat/completions",
    model: MODEL,
    headers: {
      authorization: "Bearer sk-bench-0123456789",
      "x-portkey-provider": "openai",
      "x-portkey-custom-host": `http://127.0.0.1:${upstreamPort}${providerPath(pace)}/v1`,
    },
  });
  return startMeasured("portkey", port, ask, () => ({
    command: process.execPath,
    args: [program, "--headless", `--port=${port}`],
  }));
}

async function startMeasured(
  name: string,
  port: number,
  ask: Contender["ask"],
  prepare: (folder: string) => Pick<ProcessSpec, "command" | "args">,
): Promise<Contender> {
  const folder = mkdtempSync(join(tmpdir(), `claviger-bench-${name}-`));
  const running = await startProcess({
    ...prepare(folder),
    cwd: folder,
    env: { PATH: "/usr/local/bin:/usr/bin:/bin", NODE_ENV: "production" },
    logFile: join(folder, "log"),
    stopSignal: "SIGTERM",
    stopMsMax: 5000,
  });
  const stop = async () => {
    await running.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  const abandoned = () => running.exit() !== null;
  if (!(await waitUntil(() => accepts("127.0.0.1", port), { timeoutMs: 20_000, abandoned }))) {
    throw new Error(`${name} did not start; see ${folder}`);
  }
  pinTo(running.pid, CORES.measured);
  return { name, port, pid: running.pid, ask, stop };
}
