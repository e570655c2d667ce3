import { createHmac } from "node:crypto";
import { eq, sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { notificationChannel } from "../db/tables/notification-channel.ts";
import { notificationDelivery } from "../db/tables/notification-delivery.ts";
import {
  type Heard,
  makeTenant,
  resource,
  startApi,
  type Tenant,
  type TestApi,
} from "../http/testing/api.ts";
import type { Ports } from "../ports.ts";
import { createStatusPost, parseEgressAllow } from "../runtime/node/egress.ts";
import { createMailer } from "../runtime/node/mail.ts";
import { deliverDue, type Senders } from "./deliver.ts";
import { startNotifications } from "./start.ts";
import { type News, tell } from "./tell.ts";
import { later } from "./testing/later.ts";
import { type MailServer, type Receiver, startMailServer, startReceiver } from "./testing/receiver.ts";

let api: TestApi;
let second: TestApi;
let receiver: Receiver;
let mailServer: MailServer;
let mailer: ReturnType<typeof createMailer>;
let senders: Senders;
let tenant: Tenant;

beforeAll(async () => {
  receiver = await startReceiver();
  mailServer = await startMailServer();
  api = await startApi({ egressAllow: [receiver.host], mail: true });
  second = await startApi({}, api.databaseUrl);
  mailer = createMailer({ url: mailServer.url, from: "Claviger <keys@example.com>" });
  const post = createStatusPost(parseEgressAllow([receiver.host]));
  senders = { post, mail: mailer.send, publicUrl: "https://keys.example.com" };
});
afterAll(async () => {
  mailer?.close();
  await second?.stop();
  await api?.stop();
  await mailServer?.stop();
  await receiver?.stop();
});
beforeEach(async () => {
  tenant = await makeTenant(api);
});
afterEach(async () => {
  await api.ports.db.delete(notificationDelivery);
  receiver.received.length = 0;
  receiver.answers.length = 0;
});

async function channel(
  attributes: object = { kind: "webhook", url: `${receiver.url}/hook` },
): Promise<Heard> {
  const body = resource("notification-channel", { name: "Ops", ...attributes });
  const made = await api.call("POST", "/api/v1/notification-channels", { token: tenant.token, body });
  expect(made.status).toBe(201);
  return made;
}

const news = (occasion: string): News => ({
  ...{ orgId: tenant.organizationId, kind: "gateway.offline", occasion, title: "Gateway eu-1 is offline" },
  ...{ text: "Nothing was heard of <eu-1> & others.", data: { name: "eu-1" } },
});
const say = (occasion: string, ports: Ports = api.ports) =>
  ports.db.transaction((tx) => tell(tx, ports, news(occasion)));

async function deliveries(of = tenant) {
  const { resources } = await api.call("GET", "/api/v1/notification-deliveries", { token: of.token });
  return resources.map(({ attributes }) => attributes);
}

test("a webhook is signed as Standard Webhooks has it, over exactly the bytes that were sent", async () => {
  const { secretKey } = await channel();
  await say("one");
  expect(await deliverDue(api.ports, senders)).toBe(1);
  const [{ headers, body, path } = { headers: {}, body: "", path: "" }] = receiver.received;
  expect(path).toBe("/hook");
  const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  const key = Buffer.from(secretKey.slice("whsec_".length), "base64");
  const signature = `v1,${createHmac("sha256", key).update(signed).digest("base64")}`;
  expect(headers["webhook-signature"]).toBe(signature);
  expect(Math.abs(Number(headers["webhook-timestamp"]) * 1000 - Date.now())).toBeLessThan(60_000);
  expect(JSON.parse(body)).toMatchObject({
    type: "gateway.offline",
    data: { organizationId: tenant.organizationId, name: "eu-1", title: "Gateway eu-1 is offline" },
  });
  expect(await deliveries()).toMatchObject([{ status: "delivered", attempts: 1, answer: "200" }]);
});

test("what is not taken is tried again later with the same webhook-id, and after the last pause it has failed", async () => {
  await channel();
  await say("again");
  receiver.answers.push(
    ...Array.from({ length: 9 }, (_, n) =>
      n === 1 ? { status: 302, headers: { location: receiver.url } } : { status: 503 },
    ),
  );
  await deliverDue(api.ports, senders);
  expect(await deliveries()).toMatchObject([{ status: "pending", attempts: 1, answer: "503" }]);
  expect(await deliverDue(api.ports, senders)).toBe(0);
  let aheadMs = 0;
  for (const minutes of [1, 6, 31, 121, 301, 601]) {
    aheadMs += minutes * 60_000;
    expect(await deliverDue(later(api.ports, aheadMs), senders)).toBe(1);
  }
  // A redirect is an answer, and is not followed.
  expect(receiver.received.map(({ path }) => path)).toEqual(Array(7).fill("/hook"));
  expect(new Set(receiver.received.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
  expect(await deliveries()).toMatchObject([
    { status: "failed", attempts: 7, answer: "503", nextAttemptAt: null },
  ]);
  expect(await deliverDue(later(api.ports, aheadMs * 10), senders)).toBe(0);
});

test("a receiver that is gone for good is not tried again; a failed delivery is when an admin says so", async () => {
  await channel();
  await say("gone");
  receiver.answers.push({ status: 410 });
  await deliverDue(api.ports, senders);
  const [{ status } = { status: "" }] = await deliveries();
  expect(status).toBe("failed");
  const { resources } = await api.call("GET", "/api/v1/notification-deliveries", { token: tenant.token });
  const path = `/api/v1/notification-deliveries/${resources[0]?.id}/retry`;
  expect((await api.call("POST", path, { token: tenant.token })).resource.attributes).toMatchObject({
    status: "pending",
  });
  expect((await api.call("POST", path, { token: tenant.token })).refusal).toBe("409 state_conflict");
  await deliverDue(api.ports, senders);
  expect(await deliveries()).toMatchObject([{ status: "delivered" }]);
});

test("two control planes deliver each notification once; one whose process ended is delivered by the other", async () => {
  await channel();
  for (let n = 0; n < 30; n += 1) await say(`each/${n}`, n % 2 === 0 ? api.ports : second.ports);
  const all = async (ports: Ports) => {
    while ((await deliverDue(ports, senders)) > 0);
  };
  await Promise.all([all(api.ports), all(second.ports), all(api.ports)]);
  expect(receiver.received).toHaveLength(30);
  expect(new Set(receiver.received.map(({ headers }) => headers["webhook-id"])).size).toBe(30);

  await say("left");
  const never: Senders = { ...senders, post: () => new Promise(() => undefined) };
  void deliverDue(api.ports, never);
  await expect.poll(async () => (await deliveries())[0]?.attempts).toBe(1);
  expect(await deliverDue(second.ports, senders)).toBe(0);
  expect(await deliverDue(later(second.ports, 61_000), senders)).toBe(1);
  expect(await deliveries()).toMatchObject([{ status: "delivered", attempts: 2 }, ...Array(30).fill({})]);
});

test("the same is told once, whichever process sees it, and only to channels that want it", async () => {
  await channel();
  await channel({ kind: "webhook", url: `${receiver.url}/other`, kinds: ["budget.threshold"] });
  await channel({ kind: "webhook", url: `${receiver.url}/off`, enabled: false });
  const told = await Promise.all([
    say("same"),
    say("same", second.ports),
    say("same"),
    say("same", second.ports),
  ]);
  expect(told.filter(Boolean)).toHaveLength(1);
  await deliverDue(api.ports, senders);
  expect(receiver.received.map(({ path }) => path)).toEqual(["/hook"]);
});

test("an address that became one of ours is not connected to, and the delivery says so without naming it", async () => {
  const { resource: made } = await channel();
  await api.ports.db
    .update(notificationChannel)
    .set({ target: "https://127.0.0.1:1/hook" })
    .where(eq(notificationChannel.id, made.id));
  await say("inward");
  await deliverDue(api.ports, senders);
  const [{ answer } = { answer: "" }] = await deliveries();
  expect(answer).toBe("the address is not one that the control plane may connect to");
});

test("Slack gets a text in which no name becomes a link or a mention", async () => {
  await channel({ kind: "slack", url: `${receiver.url}/services/T/B/x` });
  await say("slack");
  await deliverDue(api.ports, senders);
  expect(receiver.received.map(({ path, body }) => [path, JSON.parse(body)])).toEqual([
    [
      "/services/T/B/x",
      { text: "*Gateway eu-1 is offline*\nNothing was heard of &lt;eu-1&gt; &amp; others." },
    ],
  ]);
});

test("e-mail goes over SMTP to each recipient without telling them of each other; a server that refuses is tried again", async () => {
  await channel({ kind: "email", recipients: ["a@b.example", "c@d.example"] });
  await say("mail");
  await deliverDue(api.ports, senders);
  const [sent] = mailServer.mails;
  expect(sent?.to.toSorted()).toEqual(["a@b.example", "c@d.example"]);
  expect(sent?.mail).toMatchObject({
    subject: "Gateway eu-1 is offline",
    from: { address: "keys@example.com" },
  });
  expect(sent?.mail.text).toContain("https://keys.example.com/dashboard/notifications");
  expect(JSON.stringify(sent?.mail.headers)).not.toContain("@b.example");
  expect(sent?.mail.messageId).toMatch(/^<msg_\w{12}@example\.com>$/);
  await say("mail again");
  const wrong = createMailer({ url: mailServer.badUrl, from: "keys@example.com" });
  await deliverDue(api.ports, { ...senders, mail: wrong.send });
  wrong.close();
  const [last] = await deliveries();
  expect(last).toMatchObject({
    status: "pending",
    answer: "the mail server refused the control plane's sign-in",
  });
});

test("a test of a channel waits for its first attempt and says how it went; it is not among the notifications", async () => {
  const { resource: made } = await channel({ kind: "webhook", url: `${receiver.url}/hook`, enabled: false });
  receiver.answers.push({ status: 418 });
  const path = `/api/v1/notification-channels/${made.id}/test`;
  const [answer] = await Promise.all([
    api.call("POST", path, { token: tenant.token }),
    expect.poll(() => deliverDue(api.ports, senders)).toBe(1),
  ]);
  expect([answer.status, answer.resource.attributes]).toMatchObject([
    200,
    { kind: "test", status: "pending", answer: "418" },
  ]);
  const nobody = await api.call("POST", path, { token: tenant.token, headers: { prefer: "wait=0" } });
  expect(nobody.resource.attributes).toMatchObject({ status: "pending", attempts: 0 });
  expect((await api.call("GET", "/api/v1/notifications", { token: tenant.token })).meta).toEqual({
    total: 0,
    unseen: 0,
  });
});

test("an organization whose receivers answer nobody has two deliveries under way, and others get theirs meanwhile", async () => {
  const dead = tenant;
  await channel({ kind: "webhook", url: `${receiver.url}/dead` });
  for (let n = 0; n < 40; n += 1) await say(`dead/${n}`);
  tenant = await makeTenant(api);
  await channel();
  for (let n = 0; n < 6; n += 1) await say(`alive/${n}`);
  let waiting = 0;
  const { promise: released, resolve: release } = Promise.withResolvers<number>();
  const post: Senders["post"] = (url, headers, body) => {
    if (!url.endsWith("/dead")) return senders.post(url, headers, body);
    waiting += 1;
    return released;
  };
  const started = startNotifications(api.ports, { ...senders, post });
  try {
    const statuses = async () => (await deliveries()).map(({ status }) => status);
    await expect.poll(statuses, { timeout: 30_000 }).toEqual(Array(6).fill("delivered"));
    expect(waiting).toBe(2);
  } finally {
    release(410);
    await started.stop();
  }
  const left = (await deliveries(dead)).filter(({ status }) => status === "pending");
  expect(left.every(({ attempts }) => attempts === 0)).toBe(true);
});

test("by a channel that was switched off or deleted nothing is sent that was on its way", async () => {
  const { resource: off } = await channel();
  const { resource: gone } = await channel({ kind: "webhook", url: `${receiver.url}/gone` });
  await say("late");
  const body = resource("notification-channel", { enabled: false });
  const path = `/api/v1/notification-channels/${off.id}`;
  expect((await api.call("PATCH", path, { token: tenant.token, body })).status).toBe(200);
  // As one that was told while the channel was being deleted.
  await api.ports.db.delete(notificationChannel).where(eq(notificationChannel.id, gone.id));
  expect(await deliverDue(api.ports, senders)).toBe(2);
  expect(receiver.received).toEqual([]);
  const ends = (await deliveries()).map(({ status, answer }) => `${status}: ${answer}`);
  expect(ends.toSorted()).toEqual(["failed: the channel is switched off", "failed: the channel was deleted"]);
});

test("an organization tries its channels out twenty times a minute and not more; others are not kept from it", async () => {
  const test = async (at: string, of = tenant) =>
    api.call("POST", at, { token: of.token, headers: { prefer: "wait=0" } });
  const { resource: made } = await channel();
  const path = `/api/v1/notification-channels/${made.id}/test`;
  for (let n = 0; n < 20; n += 1) expect((await test(path)).status).toBe(200);
  expect((await test(path)).refusal).toBe("429 rate_limit_exceeded");
  const first = tenant;
  tenant = await makeTenant(api);
  const { resource: its } = await channel();
  expect((await test(`/api/v1/notification-channels/${its.id}/test`)).status).toBe(200);
  await api.ports.db.execute(sql`
    update notification set at = at - interval '1 minute' where org_id = ${first.organizationId}`);
  expect((await test(path, first)).status).toBe(200);
});
