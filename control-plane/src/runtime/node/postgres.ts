/** LISTEN on a connection of its own, listened to again whenever it was lost. */
import postgres from "postgres";
import type { Log, Wake } from "../../ports.ts";

const CHANNELS = ["operation", "change", "fleet"] as const;
type Channel = (typeof CHANNELS)[number];
const RETRY_MS_MAX = 5_000;

export interface OpenWake extends Wake {
  /** Calls everybody back once with an empty payload, as after a reconnect. */
  callAll(): void;
  close(): Promise<void>;
}

/**
 * Resolves when the first LISTEN stands. After each reconnect every callback is called once with an empty payload,
 * because what was said meanwhile is lost.
 */
export async function openWake(url: string, log: Log): Promise<OpenWake> {
  const callbacks: Record<Channel, Set<(payload: string) => void>> = {
    operation: new Set(),
    change: new Set(),
    fleet: new Set(),
  };
  const tell = (channel: Channel, payload: string) => {
    for (const callback of [...callbacks[channel]]) callback(payload);
  };
  const callAll = () => {
    for (const channel of CHANNELS) tell(channel, "");
  };
  let closed = false;
  let retry: NodeJS.Timeout | undefined;
  const options = {
    max: 1,
    idle_timeout: 0,
    max_lifetime: null,
    fetch_types: false,
    onnotice: () => undefined,
    connection: { application_name: "claviger-wake" },
    /** Not in the library's types, though its own `listen` is built on it; that one does not survive a long outage. */
    onnotify: (channel: string, payload: string) => {
      if (isChannel(channel)) tell(channel, payload);
    },
    onclose: () => again(50),
  };
  const client = postgres(url, options);
  const listen = () => client.unsafe(CHANNELS.map((channel) => `listen ${channel}`).join(";")).simple();
  function again(waitMs: number): void {
    if (closed || retry !== undefined) return;
    retry = setTimeout(async () => {
      retry = undefined;
      try {
        await listen();
        callAll();
        log.info({}, "listening to PostgreSQL again");
      } catch (error) {
        log.warn({ err: error }, "cannot listen to PostgreSQL");
        again(Math.min(waitMs * 2, RETRY_MS_MAX));
      }
    }, waitMs);
  }
  await listen();
  return {
    on(channel, callback) {
      callbacks[channel].add(callback);
      return () => callbacks[channel].delete(callback);
    },
    callAll,
    async close() {
      closed = true;
      clearTimeout(retry);
      await client.end({ timeout: 1 });
    },
  };
}

function isChannel(text: string): text is Channel {
  return (CHANNELS as readonly string[]).includes(text);
}
