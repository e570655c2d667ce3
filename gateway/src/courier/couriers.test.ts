import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Courier, CourierListener } from "../ports.ts";
import type { BusCourier } from "./bus-courier.ts";
import { createCouriers } from "./couriers.ts";
import type { HttpsCourier } from "./https-courier.ts";

const log = { debug() {}, info() {}, warn() {}, error() {} };
const bytes = new Uint8Array();
const answer = (text: string) => new TextEncoder().encode(text);

/** A bus whose server and control plane the test turns on and off. */
class FakeBus {
  connected = false;
  /** What becomes of a call: answered, refused at once, or left alone. */
  mode: "answers" | "refuses" | "hangs" = "answers";
  calls = 0;
  /** Answers what hangs, one each. */
  readonly hanging: (() => void)[] = [];
  #turned: (connected: boolean) => void = () => undefined;
  listener: CourierListener | undefined;
  closed = false;

  onTurn(callback: (connected: boolean) => void) {
    this.#turned = callback;
  }
  turn(connected: boolean) {
    this.connected = connected;
    this.#turned(connected);
    if (connected) this.listener?.poke();
  }
  async #call(): Promise<string> {
    this.calls += 1;
    if (this.mode === "refuses") throw new Error("no responders");
    if (this.mode === "hangs") return new Promise((resolve) => this.hanging.push(() => resolve("late")));
    return "bus";
  }
  heartbeat = () => this.#call();
  sync = async () => answer(await this.#call());
  page = async () => answer(await this.#call());
  usage = async () => answer(await this.#call());
  answer = async () => undefined;
  listen = (on: CourierListener) => {
    this.listener = on;
  };
  useNatsJwt = () => undefined;
  close = async () => {
    this.closed = true;
  };
}

/** The control plane's port: counts calls, and holds waits until the test ends them. */
class FakeHttps {
  up = true;
  calls = 0;
  waits: { from: string; stop: AbortSignal; end: (poke: boolean) => void }[] = [];
  async #call(): Promise<string> {
    this.calls += 1;
    if (!this.up) throw new Error("connection refused");
    return "https";
  }
  heartbeat = () => this.#call();
  sync = async () => answer(await this.#call());
  page = async () => answer(await this.#call());
  usage = async () => answer(await this.#call());
  wait = ({ epoch, rev }: { epoch: number; rev: number }, stop: AbortSignal) =>
    new Promise<boolean>((resolve, reject) => {
      if (!this.up) return reject(new Error("connection refused"));
      stop.addEventListener("abort", () => reject(new Error("stopped")));
      this.waits.push({ from: `${epoch}.${rev}`, stop, end: resolve });
    });
  close = () => undefined;
  detached: (jws: string) => void = () => undefined;
  onDetached = (callback: (jws: string) => void) => {
    this.detached = callback;
  };
  /** Waits that are held now. */
  get held() {
    return this.waits.filter(({ stop }) => !stop.aborted);
  }
}

let bus: FakeBus;
let https: FakeHttps;
let couriers: Courier;
let at = { epoch: 1, rev: 1 };
let pokes = 0;

beforeEach(() => {
  bus = new FakeBus();
  https = new FakeHttps();
  couriers = createCouriers(bus as unknown as BusCourier, https as unknown as HttpsCourier, log);
  at = { epoch: 1, rev: 1 };
  pokes = 0;
});
afterEach(() => couriers.close());

/** Pokes are answered by a heartbeat that brings the table to the next revision. */
function listen() {
  couriers.listen({
    delta: () => undefined,
    query: () => undefined,
    detached: () => undefined,
    position: () => at,
    poke: () => {
      pokes += 1;
      void couriers.heartbeat(bytes).then(
        () => {
          at = { epoch: at.epoch, rev: at.rev + 1 };
        },
        () => undefined,
      );
    },
  });
}

const text = async (call: Promise<Uint8Array>) => new TextDecoder().decode(await call);

/** On the bus, as a replica is in good times. */
async function onTheBus() {
  listen();
  bus.turn(true);
  await couriers.heartbeat(bytes);
  await vi.waitFor(async () => expect(await couriers.heartbeat(bytes)).toBe("bus"), { timeout: 15_000 });
  expect(https.held).toHaveLength(0);
}

test("before the bus is there, calls go over HTTPS and a wait is held", async () => {
  listen();
  expect(await couriers.heartbeat(bytes)).toBe("https");
  expect(await text(couriers.sync(bytes))).toBe("https");
  expect(bus.calls).toBe(0);
  expect(https.held.map(({ from }) => from)).toEqual(["1.1"]);
});

test("once the bus has answered a heartbeat, everything goes over it and nothing is held", async () => {
  await onTheBus();
  const before = https.calls;
  for (const call of [couriers.sync(bytes), couriers.page("x"), couriers.usage(bytes)]) {
    expect(await text(call)).toBe("bus");
  }
  expect(https.calls).toBe(before);
});

test("a call that the bus refuses goes over HTTPS in the same breath, and so do the next ones", async () => {
  await onTheBus();
  bus.mode = "refuses";
  expect(await text(couriers.sync(bytes))).toBe("https");
  const asked = bus.calls;
  expect(await text(couriers.usage(bytes))).toBe("https");
  expect(bus.calls).toBe(asked);
  expect(https.held).toHaveLength(1);
});

test("a call under way when the bus goes does not wait for its timeout", async () => {
  await onTheBus();
  bus.mode = "hangs";
  const call = couriers.heartbeat(bytes);
  bus.turn(false);
  expect(await call).toBe("https");
  expect(https.held).toHaveLength(1);
});

test("while the bus is silent heartbeats ask it too, a few at a time, and its first answer brings all calls back", async () => {
  await onTheBus();
  bus.mode = "refuses";
  expect(await couriers.heartbeat(bytes)).toBe("https");
  bus.mode = "hangs";
  const asked = bus.calls;
  for (let n = 0; n < 10; n++) expect(await couriers.heartbeat(bytes)).toBe("https");
  expect(bus.calls).toBe(asked + 4);
  bus.turn(false);
  bus.mode = "answers";
  await new Promise((resolve) => setImmediate(resolve));
  bus.turn(true);
  await vi.waitFor(async () => expect(await text(couriers.sync(bytes))).toBe("bus"), { timeout: 15_000 });
  expect(https.held).toHaveLength(0);
});

test("with HTTPS closed off, a heartbeat over the bus is enough", async () => {
  https.up = false;
  listen();
  bus.turn(true);
  expect(await couriers.heartbeat(bytes)).toBe("bus");
  expect(await text(couriers.page("x"))).toBe("bus");
});

test("with both gone a call says why", async () => {
  https.up = false;
  listen();
  await expect(couriers.heartbeat(bytes)).rejects.toThrow("connection refused");
  await expect(couriers.sync(bytes)).rejects.toThrow("connection refused");
});

test("a wait that ends with a poke pokes once, and the next one begins from where that led", async () => {
  listen();
  for (let round = 1; round <= 3; round++) {
    await vi.waitFor(() => expect(https.waits).toHaveLength(round), { timeout: 15_000 });
    https.waits[round - 1]?.end(true);
  }
  await vi.waitFor(() => expect(https.waits).toHaveLength(4), { timeout: 15_000 });
  expect(https.waits.map(({ from }) => from)).toEqual(["1.1", "1.2", "1.3", "1.4"]);
  expect(pokes).toBe(3);
});

test("a wait that ends without one is held again, and pokes nobody", async () => {
  listen();
  https.waits[0]?.end(false);
  await vi.waitFor(() => expect(https.waits).toHaveLength(2), { timeout: 15_000 });
  expect(pokes).toBe(0);
});

test("poked again and again to no avail, it asks less and less often", async () => {
  couriers.listen({ delta() {}, query() {}, detached() {}, poke() {}, position: () => at });
  vi.useFakeTimers();
  try {
    const ends = setInterval(() => https.waits.at(-1)?.end(true), 1);
    await vi.advanceTimersByTimeAsync(60_000);
    clearInterval(ends);
  } finally {
    vi.useRealTimers();
  }
  expect(https.waits.length).toBeGreaterThan(5);
  expect(https.waits.length).toBeLessThan(60);
});

test("closing ends the wait and both couriers", async () => {
  listen();
  const [wait] = https.held;
  await couriers.close();
  expect(wait?.stop.aborted).toBe(true);
  expect(bus.closed).toBe(true);
});

test("a wait that is let go of at once, because another process waits too, is not asked for again at once", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  let waits = 0;
  let heldMs = 1;
  https.wait = () => {
    waits += 1;
    return new Promise((resolve) => setTimeout(() => resolve(false), heldMs));
  };
  listen();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(waits).toBeGreaterThan(5);
  expect(waits).toBeLessThan(40);
  heldMs = 25_000;
  await vi.advanceTimersByTimeAsync(30_000);
  waits = 0;
  await vi.advanceTimersByTimeAsync(75_000);
  expect(waits).toBe(3);
  const closing = couriers.close();
  await vi.runAllTimersAsync();
  await closing;
  vi.useRealTimers();
});

test("what the bus answers late counts while HTTPS has not answered, and is asked for on one more way only", async () => {
  await onTheBus();
  bus.mode = "hangs";
  const { promise: never } = Promise.withResolvers<ReturnType<typeof answer>>();
  let overHttps = 0;
  https.page = () => {
    overHttps += 1;
    return never;
  };
  const asked = bus.calls;
  const page = text(couriers.page("a"));
  await vi.waitFor(() => expect(overHttps).toBe(1), { timeout: 15_000 });
  expect(bus.calls).toBe(asked + 1);
  for (const answerLate of bus.hanging) answerLate();
  expect(await page).toBe("late");
  expect(overHttps).toBe(1);
});
