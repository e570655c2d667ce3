import { afterAll, beforeAll, expect, test } from "vitest";
import { changeFor, couriersOf, untilCouriers } from "./proofs/no-nats.ts";
import { expireCredentials } from "./support/expire-credentials.ts";
import { startWorld, type World } from "./support/world.ts";

let world: World;

beforeAll(async () => {
  world = await startWorld({ restart: false });
  await untilCouriers(world, "bus", 25_000);
});
afterAll(() => world?.stack.stop());

const expiryOf = (jwt: string | undefined): number =>
  JSON.parse(Buffer.from(jwt?.split(".")[1] ?? "", "base64url").toString()).exp * 1000;

test("a gateway whose bus credentials ran out in an outage renews them over HTTPS and is on the bus again", async () => {
  const gateway = world.stack.child("gateway-eu-1");
  await gateway.stop();
  const identity = await expireCredentials(world, "eu-1");
  expect(expiryOf((await identity.read())?.enrolled?.natsJwt)).toBeLessThan(Date.now());
  const nats = world.stack.child("nats");
  await nats.stop();
  await gateway.start();
  // The bus is away, so the first heartbeat is HTTPS's, and with it come the credentials.
  await changeFor(world, 1_000);
  expect(couriersOf(world)).toEqual(["https", "https"]);
  expect(expiryOf((await identity.read())?.enrolled?.natsJwt)).toBeGreaterThan(Date.now() + 3_600_000);
  await nats.start();
  await untilCouriers(world, "bus", 25_000);
  await changeFor(world, 500);
});

test("also while the bus is there and turns it away", async () => {
  const gateway = world.stack.child("gateway-eu-1");
  await gateway.stop();
  const identity = await expireCredentials(world, "eu-1");
  await gateway.start();
  await untilCouriers(world, "bus", 25_000);
  expect(expiryOf((await identity.read())?.enrolled?.natsJwt)).toBeGreaterThan(Date.now() + 3_600_000);
  await changeFor(world, 500);
});
