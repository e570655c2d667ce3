/** What a whole stack tells: spans to a collector, figures to a scraper, the audit chain to whoever checks it, and notifications by two control planes. */
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { startMailServer } from "@claviger/control-plane/notifications/testing/receiver";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runClaviger } from "../cli/testing/terminal.ts";
import { reservePortRange } from "../testing/port-range.ts";
import { startWorld, useKey, type World } from "./support/world.ts";

interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Takes whatever is posted: the collector and the receiver of webhooks. */
async function startTaker() {
  const received: Received[] = [];
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      received.push({
        path: incoming.url ?? "",
        headers: incoming.headers,
        body: Buffer.concat(chunks).toString(),
      });
      outgoing.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { received, server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

let taker: Awaited<ReturnType<typeof startTaker>>;
let mail: Awaited<ReturnType<typeof startMailServer>>;
let range: Awaited<ReturnType<typeof reservePortRange>>;
let world: World;

beforeAll(async () => {
  [taker, mail, range] = await Promise.all([startTaker(), startMailServer(), reservePortRange()]);
  const telling = {
    CLAVIGER_EGRESS_ALLOW: `127.0.0.1:${range.base + 9},${new URL(taker.url).host}`,
    ...{ CLAVIGER_SMTP_URL: mail.url, CLAVIGER_SMTP_FROM: "Claviger <keys@example.com>" },
  };
  const traced = { OTEL_EXPORTER_OTLP_ENDPOINT: taker.url };
  world = await startWorld({
    ...{ portBase: range.base, controlPlanes: 2 },
    env: { "control-plane": telling, "control-plane-2": telling, "gateway-eu-1": traced },
  });
});
afterAll(async () => {
  await world?.stack.stop();
  range?.release();
  await mail?.stop();
  taker?.server.closeAllConnections();
  taker?.server.close();
});

const eu = () => world.gateways[0]?.url ?? "";
const inPath = (path: string) => taker.received.filter((each) => each.path === path);

test("a gateway process sends spans where OpenTelemetry's variable says, and its figures say what was served", async () => {
  const key = await world.admin.createKey(world.projectId);
  const { status, requestId } = await useKey(eu(), key);
  expect(status).toBe(200);
  await expect
    .poll(() =>
      inPath("/v1/traces")
        .map(({ body }) => body)
        .join(),
    )
    .toContain(requestId);
  const sent = inPath("/v1/traces")
    .map(({ body }) => body)
    .join();
  for (const name of [
    "service.instance.id",
    "gen_ai.usage.input_tokens",
    '"eu-1"',
    "POST /v1/chat/completions",
  ]) {
    expect(sent).toContain(name);
  }
  for (const word of ["hello", key.secret]) expect(sent).not.toContain(word);
  const page = await (await fetch(`${eu()}/metrics`)).text();
  expect(page).toMatch(/^claviger_upstream_request_duration_seconds_count\{provider="sandbox"\} [1-9]/m);
  expect(page).toMatch(/^claviger_tokens_total\{provider="sandbox",type="output"\} [1-9]/m);
  expect(page).toMatch(/^claviger_spans_exported_total [1-9]/m);
  for (const name of [
    "claviger_usage_outbox_events",
    "claviger_open_records",
    "nodejs_heap_size_used_bytes",
  ]) {
    expect(page).toMatch(new RegExp(`^${name} \\d+`, "m"));
  }
});

test("the audit chain of a gateway that runs holds, by the command that an operator has", async () => {
  const { home } = world.stack;
  const { gatewayMasterKeys } = JSON.parse(readFileSync(join(home, "secrets.json"), "utf8"));
  const env = { CLAVIGER_GATEWAY_MASTER_KEY: gatewayMasterKeys["eu-1"] };
  const { lines } = await runClaviger(["audit", "verify", "--home", join(home, "gateways", "eu-1")], { env });
  expect(lines).toEqual([expect.stringMatching(/^0 rep_\w{12}: ok, \d+ links, head \d+:[\w-]{43}$/)]);
});

const channel = async (attributes: object) => {
  const body = { data: { type: "notification-channel", attributes } };
  const { status, json } = await world.admin.call("POST", "/notification-channels", body);
  expect(status).toBe(201);
  return json as { data: { id: string }; meta: { secretKey?: string } };
};
const attempt = async (id: string) => {
  const { json } = await world.admin.call("POST", `/notification-channels/${id}/test`);
  return (json as { data: { attributes: object } }).data.attributes;
};

test("two control planes tell of a provider that fails once, by a signed webhook and by e-mail", async () => {
  const hook = await channel({ kind: "webhook", name: "Hook", url: `${taker.url}/hook` });
  const post = await channel({ kind: "email", name: "Mail", recipients: ["ops@example.com"] });
  expect(await attempt(hook.data.id)).toMatchObject({ status: "delivered", answer: "200" });
  expect(await attempt(post.data.id)).toMatchObject({ status: "delivered", answer: "accepted" });
  const rules = { errorSpike: { enabled: true, percent: 1, requestsMin: 1 } };
  const body = { data: { type: "notification-rules", attributes: rules } };
  expect((await world.admin.call("PATCH", "/notification-rules", body)).status).toBe(200);

  const key = await world.admin.createKey(world.projectId);
  const headers = { authorization: `Bearer ${key.secret}`, "content-type": "application/json" };
  await fetch(`${eu()}/v1/chat/completions`, {
    ...{ method: "POST", headers: { ...headers, "x-sandbox": '{"status":500}' } },
    body: JSON.stringify({ model: "sandbox/echo", messages: [{ role: "user", content: "x" }] }),
  });
  const spikes = () => inPath("/hook").filter((each) => JSON.parse(each.body).type === "errors.spike");
  await expect.poll(() => spikes().length, { timeout: 60_000 }).toBe(1);
  await expect.poll(() => mail.mails.map((each) => each.mail.subject)).toHaveLength(2);
  const [spike] = spikes();
  if (spike === undefined) throw new Error("it was told");
  const { headers: signed, body: text } = spike;
  const secret = Buffer.from((hook.meta.secretKey ?? "").slice("whsec_".length), "base64");
  const said = `${signed["webhook-id"]}.${signed["webhook-timestamp"]}.${text}`;
  expect(signed["webhook-signature"]).toBe(
    `v1,${createHmac("sha256", secret).update(said).digest("base64")}`,
  );
  const { json } = await world.admin.call("GET", "/notifications");
  const told = (json as { data: { attributes: { kind: string } }[] }).data.map(
    ({ attributes }) => attributes.kind,
  );
  expect(told).toEqual(["errors.spike"]);
});
