import { createUser } from "@nats-io/nkeys";
import { connect, type NatsConnection, type Subscription } from "@nats-io/transport-node";
import { beforeEach, expect, test, vi } from "vitest";
import { type BusCourier, createNatsCourier } from "./nats-courier.ts";

vi.mock("@nats-io/transport-node", { spy: true });

const log = { debug() {}, info() {}, warn() {}, error() {} };
let made: FakeConnection[] = [];
/** How the next connections flush. */
let flushes: (() => Promise<void>)[] = [];

class FakeConnection {
  readonly #closed = Promise.withResolvers<void>();
  isOpen = true;
  subscribed = 0;
  readonly closed = () => this.#closed.promise;
  readonly flush = flushes.shift() ?? (() => Promise.resolve());
  readonly getServer = () => "fake";
  readonly close = async () => {
    this.isOpen = false;
    this.#closed.resolve();
  };
  subscribe(): Subscription {
    this.subscribed++;
    return { unsubscribe: () => void this.subscribed-- } as unknown as Subscription;
  }
  /** Nothing to tell until it is closed. */
  readonly status = () => ({
    [Symbol.asyncIterator]: () => ({
      next: () => this.#closed.promise.then(() => ({ done: true, value: undefined })),
    }),
  });
}

beforeEach(() => {
  made = [];
  flushes = [];
  vi.mocked(connect).mockImplementation(async () => {
    const one = new FakeConnection();
    made.push(one);
    return one as unknown as NatsConnection;
  });
});

/** One that is connected; `failed` resolves when a hand-over failed. */
async function start() {
  const failed = Promise.withResolvers<void>();
  const warn = (_fields: object, message: string) => {
    if (message.includes("new credentials")) failed.resolve();
  };
  const seed = new TextDecoder().decode(createUser().getSeed());
  const urls = ["nats://127.0.0.1:1"];
  const courier = createNatsCourier({ urls, replica: "rep_000000000001", jwt: "a", seed }, { ...log, warn });
  courier.listen({ delta() {}, poke() {}, query() {}, detached() {} });
  await vi.waitFor(() => expect(courier.connected).toBe(true), { timeout: 15_000 });
  return { courier, failed: failed.promise };
}

/** Open ones, each with its subscriptions. */
const open = () => made.flatMap((one, i) => (one.isOpen ? [[i, one.subscribed]] : []));

async function stop(courier: BusCourier): Promise<void> {
  const closing = courier.close();
  await Promise.all(made.map((one) => one.close()));
  await closing;
}

test("a hand-over takes the subscriptions with it", async () => {
  const { courier } = await start();
  courier.useNatsJwt("b");
  await vi.waitFor(
    () =>
      expect(open()).toEqual([
        [0, 0],
        [1, 2],
      ]),
    { timeout: 15_000 },
  );
  await stop(courier);
});

test("a hand-over that fails leaves nothing behind, and the next one finds the subscriptions of the one that stands", async () => {
  flushes = [() => Promise.resolve(), () => Promise.reject(new Error("lost"))];
  const { courier, failed } = await start();
  courier.useNatsJwt("b");
  await failed;
  expect(open()).toEqual([[0, 2]]);
  courier.useNatsJwt("c");
  await vi.waitFor(
    () =>
      expect(open()).toEqual([
        [0, 0],
        [2, 2],
      ]),
    { timeout: 15_000 },
  );
  await stop(courier);
});

test("when the old connection ends during a hand-over there is one in its place, not two", async () => {
  const flushed = Promise.withResolvers<void>();
  flushes = [() => Promise.resolve(), () => flushed.promise];
  const { courier } = await start();
  courier.useNatsJwt("b");
  await vi.waitFor(() => expect(made[1]?.subscribed).toBe(2), { timeout: 15_000 });
  await made[0]?.close();
  await vi.waitFor(
    () =>
      expect(open()).toEqual([
        [1, 2],
        [2, 2],
      ]),
    { timeout: 15_000 },
  );
  flushed.resolve();
  await vi.waitFor(() => expect(open()).toEqual([[2, 2]]), { timeout: 15_000 });
  expect(courier.connected).toBe(true);
  await stop(courier);
});
