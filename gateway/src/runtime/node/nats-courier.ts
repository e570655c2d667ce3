/** The bus on Node: the servers that speak NATS's own protocol, over TCP. */
import { connect } from "@nats-io/transport-node";
import { type BusCourier, createBusCourier, type NatsSettings } from "../../courier/bus-courier.ts";
import type { Log } from "../../ports.ts";

export type { BusCourier } from "../../courier/bus-courier.ts";

/** Connects in the background and for ever, to those of the URLs that are no WebSocket. */
export function createNatsCourier(settings: NatsSettings, log: Log): BusCourier {
  const urls = settings.urls.filter((url) => !url.startsWith("ws:") && !url.startsWith("wss:"));
  return createBusCourier({ ...settings, urls }, connect, log);
}
