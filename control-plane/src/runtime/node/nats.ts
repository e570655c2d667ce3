/** The bus over nats-server: the control plane's account, and the system account that organizations are pushed by. */

import { setTimeout as delay } from "node:timers/promises";
import { jwtAuthenticator, type Msg, type NatsConnection } from "@nats-io/nats-core";
import { createUser } from "@nats-io/nkeys";
import { connect } from "@nats-io/transport-node";
import type { AccountBus, FleetBus } from "../../fleet/bus.ts";
import { ownUserJwt } from "../../fleet/nats-jwt.ts";
import type { Nkey } from "../../fleet/nkey.ts";
import type { Log } from "../../ports.ts";

const REQUEST_MS = 3_000;
/** What is still on its way to the servers gets this long, in milliseconds. */
const FLUSH_MS = 1_000;

export interface BusOptions {
  readonly servers: readonly string[];
  /** The account to be a user of; a credential is minted for every connect. */
  readonly account: Nkey;
  readonly name: string;
  readonly log: Log;
}

interface Link {
  connection(): NatsConnection | undefined;
  readonly connected: boolean;
  /** Calls back with the connection at the first connect and after every reconnect; at once when it stands. */
  onConnect(callback: (connection: NatsConnection, first: boolean) => void): () => void;
  close(): Promise<void>;
}

export interface Opened {
  /** True as soon as it is connected, false when it is not after `ms`. */
  within(ms: number): Promise<boolean>;
  close(): Promise<void>;
}

/** The bus as the control plane's account sees it; usable before it is connected. */
export function openFleetBus(options: BusOptions): FleetBus & Opened {
  const link = openLink(options);
  return {
    get connected() {
      return link.connected;
    },
    publish(subject, body) {
      try {
        link.connection()?.publish(subject, body);
      } catch (error) {
        options.log.warn({ err: error, subject }, "a message was not published");
      }
    },
    flush: () => flushed(link),
    subscribe(subject, queue, handle) {
      let stop = () => {};
      // The library subscribes again by itself after a reconnect.
      const off = link.onConnect((connection, first) => {
        if (!first) return;
        const subscription = connection.subscribe(subject, {
          ...(queue === null ? {} : { queue }),
          callback: (error, message) => {
            if (error) options.log.warn({ err: error, subject }, "a subscription failed");
            else handle(messageOf(message));
          },
        });
        stop = () => subscription.unsubscribe();
      });
      return () => {
        off();
        stop();
      };
    },
    within: (ms) => connectedWithin(link, ms),
    close: () => link.close(),
  };
}

/** The bus as the system account sees it. */
export function openAccountBus(options: BusOptions): AccountBus & Opened {
  const link = openLink(options);
  const request = async (subject: string, body: string): Promise<unknown> => {
    const connection = link.connection();
    if (connection === undefined || !link.connected) throw new Error("the bus is not connected");
    const answer = (await connection.request(subject, body, { timeout: REQUEST_MS })).json<{
      data?: unknown;
      error?: { description?: string };
    }>();
    if (answer.error !== undefined) throw new Error(`nats-server: ${answer.error.description ?? "refused"}`);
    return answer.data;
  };
  return {
    async update(jwt) {
      await request("$SYS.REQ.CLAIMS.UPDATE", jwt);
    },
    async list() {
      const data = await request("$SYS.REQ.CLAIMS.LIST", "");
      return Array.isArray(data) ? data.map(String) : [];
    },
    onConnect: (callback) => link.onConnect(() => callback()),
    within: (ms) => connectedWithin(link, ms),
    close: () => link.close(),
  };
}

/** A flush without a server would wait for one. */
async function flushed(link: Link): Promise<void> {
  const connection = link.connection();
  if (connection === undefined || !link.connected) return;
  await Promise.race([connection.flush().catch(() => undefined), delay(FLUSH_MS, undefined, { ref: false })]);
}

function messageOf(message: Msg) {
  return {
    subject: message.subject,
    body: message.data,
    respond: (body: Uint8Array | string) => {
      message.respond(body);
    },
  };
}

function connectedWithin(link: Link, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => settle(false), ms);
    const off = link.onConnect(() => settle(true));
    function settle(value: boolean): void {
      clearTimeout(timer);
      queueMicrotask(() => off());
      resolve(value);
    }
  });
}

/** Connects in the background and for ever; a control plane without a bus still serves its API. */
function openLink({ servers, account, name, log }: BusOptions): Link {
  const callbacks = new Set<(connection: NatsConnection, first: boolean) => void>();
  let connection: NatsConnection | undefined;
  let connected = false;
  let closed = false;
  const user = createUser();
  const mint = () => ownUserJwt(account, user.getPublicKey(), name, Math.floor(Date.now() / 1000));
  const opened = connect({
    servers: [...servers],
    authenticator: jwtAuthenticator(mint, user.getSeed()),
    name,
    waitOnFirstConnect: true,
    ignoreAuthErrorAbort: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    pingInterval: 5_000,
    maxPingOut: 2,
  }).then(
    async (established) => {
      if (closed) return established.close();
      connection = established;
      connected = true;
      log.info({ bus: name, server: established.getServer() }, "connected to the bus");
      for (const callback of callbacks) callback(established, true);
      await watch(established);
    },
    (error: unknown) => log.error({ err: error, bus: name }, "the bus cannot be reached"),
  );
  async function watch(established: NatsConnection): Promise<void> {
    for await (const status of established.status()) {
      if (status.type === "disconnect") connected = false;
      if (status.type === "error") log.warn({ bus: name, err: status.error }, "the bus complained");
      if (status.type !== "reconnect") continue;
      connected = true;
      log.info({ bus: name, server: established.getServer() }, "connected to the bus again");
      for (const callback of callbacks) callback(established, false);
    }
    connected = false;
  }
  return {
    connection: () => connection,
    get connected() {
      return connected;
    },
    onConnect(callback) {
      callbacks.add(callback);
      if (connection !== undefined) callback(connection, true);
      return () => callbacks.delete(callback);
    },
    async close() {
      closed = true;
      if (connection === undefined) return;
      await flushed(this);
      await connection.close();
      await opened;
    },
  };
}
