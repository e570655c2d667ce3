/** Three gateways behind a round-robin, one of which is stopped and started again all the time, and clients that go on. */
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { addMcpKey, makeSharedKeys, startMcpGateway } from "@claviger/gateway/runtime/node/testing/mcp-rig";
import type { TestGateway } from "@claviger/gateway/runtime/node/testing/rig";
import { CLIENTS, connectClient } from "./clients.ts";

const GATEWAYS = 3;

/** One place behind the round-robin. */
interface Place {
  gateway: TestGateway | undefined;
  /** How often it was stopped. */
  stops: number;
}

export interface Outcome {
  readonly calls: number;
  readonly restarts: number;
  /** Calls that failed although nothing was stopped that had a part of them. */
  readonly failures: readonly string[];
  /** Calls that failed with the gateway that they were at. */
  readonly broken: number;
}

export interface Settings {
  readonly url: string;
  readonly restarts: number;
  readonly everyMs: number;
  readonly clientsOfEach: number;
}

/** Restarts one gateway after another and says what became of the calls meanwhile. */
export async function runRoundRobin({ url, restarts, everyMs, clientsOfEach }: Settings): Promise<Outcome> {
  const shared = await makeSharedKeys();
  const first = await startMcpGateway({ everything: url }, { shared });
  const { secret } = addMcpKey(first);
  const { follower } = first;
  const start = () => startMcpGateway({}, { shared, follower });
  const places: Place[] = [{ gateway: first, stops: 0 }];
  while (places.length < GATEWAYS) places.push({ gateway: await start(), stops: 0 });
  const balancer = await startBalancer(places);
  const names = Array.from({ length: clientsOfEach }, () => CLIENTS).flat();
  const clients = await Promise.all(
    names.map((name) => connectClient(name, `${balancer.url}/mcp/everything`, secret)),
  );
  const state = { isOver: false, calls: 0, broken: 0, failures: [] as string[] };
  const work = clients.map(async (client, n) => {
    for (let i = 0; !state.isOver; i++) {
      const message = `${n} ${i}`;
      const breaksBefore = balancer.breaks();
      try {
        const said = JSON.stringify(await client.callTool({ name: "echo", arguments: { message } }));
        if (!said.includes(`Echo: ${message}"`)) state.failures.push(said);
      } catch (error) {
        if (balancer.breaks() > breaksBefore) state.broken++;
        else state.failures.push(String(error));
      }
      state.calls++;
    }
  });
  for (let i = 0; i < restarts; i++) {
    await pause(everyMs);
    const place = places[i % GATEWAYS] as Place;
    const { gateway } = place;
    place.gateway = undefined;
    place.stops++;
    await gateway?.stop();
    place.gateway = await start();
  }
  state.isOver = true;
  await Promise.all(work);
  // Each break is one call's.
  if (state.broken > balancer.breaks())
    state.failures.push(`${state.broken} calls of ${balancer.breaks()} broke`);
  await Promise.all(clients.map((client) => client.close()));
  await balancer.stop();
  await Promise.all(places.map(({ gateway }) => gateway?.stop()));
  const { calls, broken, failures } = state;
  return { calls, restarts, failures, broken };
}

/** Each request goes to the next place that has a gateway; one that was not taken goes to the one after it. */
async function startBalancer(places: readonly Place[]) {
  let next = 0;
  let breaks = 0;
  const server: Server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => send(places.length * 2));
    const send = (left: number) => {
      const place = places[next++ % places.length] as Place;
      const { gateway, stops } = place;
      if (gateway === undefined || left === 0) {
        if (left > 0) return send(left - 1);
        return void outgoing.writeHead(502).end();
      }
      const isStopped = () => place.stops > stops;
      const { method, url: path, headers } = incoming;
      const inner = request(gateway.url + path, { method, headers, agent: false });
      let isAnswered = false;
      inner.on("response", (answer) => {
        isAnswered = true;
        // It says that it stops, and that the request is for another one.
        if (answer.statusCode === 503 && answer.headers["x-claviger-code"] === "draining") {
          answer.resume();
          return send(left - 1);
        }
        outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
        answer.on("data", (chunk) => outgoing.write(chunk));
        answer.on("end", () => outgoing.end());
        answer.on("error", () => undefined);
        answer.on("close", () => {
          if (isStopped() && method === "POST") breaks++;
          if (!answer.complete) outgoing.destroy();
        });
      });
      inner.on("error", (error: NodeJS.ErrnoException) => {
        if (isAnswered) return;
        if (error.code === "ECONNREFUSED") return send(left - 1);
        if (isStopped()) breaks++;
        outgoing.destroy();
      });
      outgoing.on("close", () => inner.destroy());
      inner.end(Buffer.concat(chunks));
    };
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Requests whose gateway was stopped while they were there. */
    breaks: () => breaks,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
