import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { webhookBody } from "./message.ts";
import { makeSecret, signedHeaders } from "./sign.ts";

const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));

type Verify = (secret: string, headers: Record<string, string>, body: string, nowSeconds?: number) => unknown;

/** The function that the document hands to receivers, as it stands there. */
async function documented(): Promise<Verify> {
  const page = readFileSync(new URL("../../../docs/notifications.md", import.meta.url), "utf8");
  const [, code] = /```js\n([\s\S]*?)```/.exec(page) ?? [];
  if (code === undefined) throw new Error("docs/notifications.md shows no code");
  const module: { verify: Verify } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  return module.verify;
}

const body = webhookBody({
  ...{ orgId: "org_1", kind: "budget.threshold", title: "é", text: "t", data: { threshold: 80 } },
  at: new Date("2026-11-21T09:30:00Z"),
});

test("what the document tells receivers to run takes our webhooks, and nothing that was changed, is old or is another's", async () => {
  const verify = await documented();
  const nowMs = Date.now();
  const secret = makeSecret(random);
  const headers = await signedHeaders(secret, "msg_1", nowMs, body);
  expect(verify(secret, headers, body)).toEqual({
    ...{ type: "budget.threshold", timestamp: "2026-11-21T09:30:00.000Z" },
    data: { organizationId: "org_1", title: "é", text: "t", threshold: 80 },
  });
  const both = { ...headers, "webhook-signature": `v1,AAAA ${headers["webhook-signature"]} v2,x` };
  expect(verify(secret, both, body)).toBeTruthy();
  const refused = [
    () => verify(secret, headers, body.replace("80", "81")),
    () => verify(secret, { ...headers, "webhook-id": "msg_2" }, body),
    () => verify(makeSecret(random), headers, body),
    () => verify(secret, { ...headers, "webhook-signature": "" }, body),
    () => verify(secret, headers, body, nowMs / 1000 + 301),
    () => verify(secret, { ...headers, "webhook-timestamp": "x" }, body),
  ];
  for (const call of refused) expect(call).toThrow();
});

test("the signature is that of the specification's example", async () => {
  // standard-webhooks/spec, "Signature scheme": this secret, id, time and body give this signature.
  const headers = await signedHeaders(
    ...([
      "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
      "msg_p5jXN8AQM9LWM0D4loKWxJek",
      1_614_265_330_000,
    ] as const),
    '{"test": 2432232314}',
  );
  expect(headers["webhook-signature"]).toBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
});
