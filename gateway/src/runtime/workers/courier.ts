/**
 * How an object speaks: the bus over WebSocket while it is awake, HTTPS beside it, and neither while it rests, since an
 * open socket or a held call would keep it in memory and on the bill.
 */
import { wsconnect } from "@nats-io/nats-core";
import { createBusCourier } from "../../courier/bus-courier.ts";
import { createCouriers } from "../../courier/couriers.ts";
import { HttpsCourier, type HttpsSettings } from "../../courier/https-courier.ts";
import type { EnrolledIdentity } from "../../identity/identity.ts";
import { webSignerOf } from "../../identity/nkey.ts";
import type { Courier, CourierListener, Log } from "../../ports.ts";

export interface ObjectCourier extends Courier {
  /** Signs calls of this replica; the answer to a knock is one. */
  readonly https: HttpsSettings;
  /** Joins the bus again, if it was left. */
  wake(): void;
  /** Leaves the bus; calls still go over HTTPS. */
  rest(): Promise<void>;
}

export function createObjectCourier(
  controlPlaneUrl: string,
  { nkey, nkeySeed: seed, enrolled }: EnrolledIdentity,
  log: Log,
): ObjectCourier {
  const https: HttpsSettings = { controlPlaneUrl, nkey, sign: webSignerOf(seed), wallMs: () => Date.now() };
  const urls = enrolled.natsUrls.filter((url) => /^wss?:/.test(url));
  let jwt = enrolled.natsJwt;
  let listener: CourierListener | undefined;
  let awake: Courier | undefined;
  const make = (): Courier => {
    const bus = { urls, replica: enrolled.replicaId, jwt, seed };
    const made = createCouriers(createBusCourier(bus, wsconnect, log), new HttpsCourier(https), log);
    if (listener !== undefined) made.listen(listener);
    return made;
  };
  const asleep = new HttpsCourier(https);
  return {
    https,
    heartbeat: (body) => (awake ?? asleep).heartbeat(body),
    sync: (body) => (awake ?? asleep).sync(body),
    page: (sha256) => (awake ?? asleep).page(sha256),
    usage: (body) => (awake ?? asleep).usage(body),
    ask: (body) => (awake ?? asleep).ask(body),
    answer(cp, id, part) {
      awake ??= make();
      return awake.answer(cp, id, part);
    },
    listen(on) {
      listener = on;
      asleep.onDetached((jws) => on.detached(jws));
      awake?.listen(on);
    },
    useNatsJwt(renewed) {
      jwt = renewed;
      awake?.useNatsJwt(renewed);
    },
    wake() {
      awake ??= make();
    },
    async rest() {
      const before = awake;
      awake = undefined;
      await before?.close();
    },
    async close() {
      asleep.close();
      await awake?.close();
    },
  };
}
