/** The Worker: finds the object that a request belongs to and hands it on. It decides nothing and remembers nothing. */
import { KNOCK_PATH } from "@claviger/shared/wire/knock";
import { regionFor } from "./region.ts";
import { TOLD } from "./replica-object.ts";
import { readSettings, type Settings } from "./settings.ts";

export { ReplicaObject } from "./replica-object.ts";

interface Env extends Record<string, unknown> {
  readonly REPLICAS: DurableObjectNamespace;
}

/** What is the same for all requests of this isolate. */
let settings: Settings | undefined;

async function handle(request: Request, env: Env): Promise<Response> {
  settings ??= readSettings(env);
  const { pathname } = new URL(request.url);
  if (pathname === KNOCK_PATH && request.method === "POST") return knock(request, env, settings);
  const { cf } = request as { cf?: { continent?: string } };
  return ask(env, regionFor(settings.regions, cf?.continent), request);
}

/** Whom the knock is for is known to the objects alone; there are few. */
async function knock(request: Request, env: Env, { regions }: Settings): Promise<Response> {
  const body = await request.arrayBuffer();
  for (const region of regions) {
    const answer = await ask(env, region, new Request(request.url, { method: "POST", body }));
    if (answer.status !== 404) return answer;
  }
  return new Response(null, { status: 404 });
}

function ask(
  env: Env,
  region: (typeof settings & object)["regions"][number],
  request: Request,
): Promise<Response> {
  const told = new Request(request);
  told.headers.set(TOLD.region, region);
  // Set by the platform's edge, over whatever a caller sent; nothing that we set ourselves comes from a caller.
  told.headers.set(TOLD.peer, request.headers.get("cf-connecting-ip") ?? "");
  return env.REPLICAS.getByName(region, { locationHint: region }).fetch(told);
}

export default { fetch: handle };
