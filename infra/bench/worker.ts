/**
 * `npm run bench -- worker`: the Worker's bundle, its start-up, and what an admission adds on workerd itself, with no
 * development server in between. The same answer of the provider is asked for in turn, over one connection each, directly,
 * through a Worker that does nothing but fetch it (`floor`), and through the gateway's: what that adds to the floor is the
 * round trip to the object, the decision, the open record and the settlement. Wants a machine that does nothing else.
 */
import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Agent, request } from "undici";
import { startWorld, type World } from "../e2e/support/world.ts";
import { CHECKOUT } from "../local/definitions.ts";
import { findFreePort } from "../local/ports.ts";
import { accepts } from "../local/wait.ts";
import { bundleWorker, workerdBinary, writeWorkerdConfig } from "../local/worker.ts";

const GZIP_BYTES_MAX = 350_000;
const START_MS_MAX = 100;
const ADDED_MS_MAX = 1;
const ROUNDS = Number(process.argv[2] ?? 2_000);

const bundle = await bundleWorker(join(CHECKOUT, ".cache"));
const main = join(bundle, "main.js");
const gzip = gzipSync(readFileSync(main)).length;
tell("bundle, gzipped", gzip / 1000, "kB", GZIP_BYTES_MAX / 1000);
console.log(`  ${(statSync(main).size / 1000).toFixed(0)} kB as it is`);
tell("start-up: parse and run the module", await startUpMs(), "ms", START_MS_MAX);

const world = await startWorld({ gateways: { "eu-1": 1 }, workers: { "edge-1": 3 } });
try {
  const floor = await startFloor(world.sandboxUrl);
  const medians = await measure(world, floor.url).finally(() => floor.child.kill());
  const told = Object.entries(medians).map(([name, ms]) => `${name} ${ms.toFixed(2)} ms`);
  console.log(`  medians: ${told.join(", ")}`);
  tell("an admission adds, median", medians.admitted - medians.floor, "ms", ADDED_MS_MAX);
} finally {
  await world.stack.stop();
}

function tell(what: string, value: number, unit: string, max: number): void {
  console.log(`${value <= max ? "ok  " : "MISS"} ${what}: ${value.toFixed(2)} ${unit} (≤ ${max})`);
  if (value > max) process.exitCode = 1;
}

/** From a process that is there to one that has answered, less what an empty Worker takes; the shortest of five. */
async function startUpMs(): Promise<number> {
  const empty = join(mkdtempSync(join(tmpdir(), "claviger-worker-")), "main.js");
  writeFileSync(empty, "export class ReplicaObject {}\nexport default { fetch: () => new Response() };\n");
  const times = async (module: string) => {
    const each: number[] = [];
    for (let n = 0; n < 5; n += 1) each.push(await compileMs(module));
    return Math.min(...each);
  };
  const added = (await times(main)) - (await times(empty));
  rmSync(join(empty, ".."), { recursive: true });
  return added;
}

/** `workerd test` of a configuration runs the module's top level and ends. */
async function compileMs(module: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "claviger-worker-"));
  copyFileSync(module, join(folder, "main.js"));
  writeFileSync(
    join(folder, "config.capnp"),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [(name = "main", worker = (
  modules = [(name = "main.js", esModule = embed "main.js")],
  compatibilityDate = "2026-11-01", compatibilityFlags = ["nodejs_compat"]))]);
`,
  );
  const startedMs = performance.now();
  const child = spawn(workerdBinary(), ["test", join(folder, "config.capnp")], { stdio: "ignore" });
  await new Promise((resolve) => child.on("close", resolve));
  const tookMs = performance.now() - startedMs;
  rmSync(folder, { recursive: true });
  return tookMs;
}

/** A Worker that passes everything on. */
async function startFloor(sandboxUrl: string) {
  const folder = mkdtempSync(join(tmpdir(), "claviger-floor-"));
  const code = `export class ReplicaObject {}
export default {
  fetch(request, env) {
    const { pathname } = new URL(request.url);
    const { method, headers, body } = request;
    return fetch(env.SANDBOX + pathname, { method, headers, body });
  },
};
`;
  const source = join(folder, "source");
  mkdirSync(source);
  writeFileSync(join(source, "main.js"), code);
  const port = await findFreePort();
  const config = writeWorkerdConfig({ folder, bundle: source, port, names: ["SANDBOX"] });
  const child = spawn(workerdBinary(), ["serve", config], { stdio: "ignore", env: { SANDBOX: sandboxUrl } });
  while (!(await accepts("127.0.0.1", port))) await new Promise((resolve) => setTimeout(resolve, 20));
  return { child, url: `http://127.0.0.1:${port}` };
}

async function measure({ gateways, sandboxUrl, admin, projectId }: World, floorUrl: string) {
  const edge = gateways.find(({ name }) => name === "edge-1")?.url ?? "";
  const key = await admin.createKey(projectId);
  const dead = await admin.createKey(projectId);
  await admin.change("POST", `/api-keys/${dead.id}/revoke`);
  const agent = new Agent({ connections: 1 });
  const body = (model: string) =>
    JSON.stringify({ model, max_tokens: 8, messages: [{ role: "user", content: "hello" }] });
  const ask = async (url: string, secret: string, model: string): Promise<number> => {
    const headers = { authorization: `Bearer ${secret}`, "content-type": "application/json" };
    const startedMs = performance.now();
    const answer = await request(`${url}/v1/chat/completions`, {
      ...{ method: "POST", headers, body: body(model), dispatcher: agent },
    });
    await answer.body.dump();
    return performance.now() - startedMs;
  };
  const times: Record<"direct" | "floor" | "refused" | "admitted", number[]> = {
    ...{ direct: [], floor: [], refused: [], admitted: [] },
  };
  for (let n = 0; n < ROUNDS; n += 1) {
    times.direct.push(await ask(sandboxUrl, "sandbox", "echo"));
    times.floor.push(await ask(floorUrl, "sandbox", "echo"));
    times.refused.push(await ask(edge, dead.secret, "sandbox/echo"));
    times.admitted.push(await ask(edge, key.secret, "sandbox/echo"));
  }
  await agent.close();
  const median = (of: number[]) => of.toSorted((a, b) => a - b)[Math.floor(of.length / 2)] ?? Number.NaN;
  const { direct, floor, refused, admitted } = times;
  return {
    direct: median(direct),
    floor: median(floor),
    refused: median(refused),
    admitted: median(admitted),
  };
}
