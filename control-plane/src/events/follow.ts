/** One dashboard's stream of events: the present first, then what differs. Whoever reads slowly misses states, never the last one. */
import type { LiveEventName, LiveEvents } from "@claviger/shared/api/event";
import type { Ports } from "../ports.ts";
import { positionOf } from "./changes.ts";
import { type Listener, listen, type Sight } from "./hub.ts";

/** Proxies cut what is silent, and a browser cannot tell a lost stream from a quiet one. */
const BEAT_MS = 5_000;
/** A sight older than this is not vouched for: who hears nothing says so, and asks by itself. */
const SIGHT_MS_MAX = 7_000;

/** An event and where its hearer stands after it. */
export interface LiveEvent<Name extends LiveEventName = LiveEventName> {
  readonly name: Name;
  readonly id: string;
  readonly data: LiveEvents[Name];
}

interface Told {
  revision: string;
  fleetText: string;
  traffic: number;
  told: string;
}

/**
 * Ends when `signal` aborts. `since` is the id of the last event that was heard on an earlier connection; what was
 * changed after it is told. Nothing is kept for a reader: between two reads only the difference counts.
 */
export async function* followEvents(
  ports: Ports,
  orgId: string,
  since: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<LiveEvent> {
  if (signal.aborted) return;
  const bell = createBell(signal);
  const listener = listen(ports, orgId, bell.ring);
  // Whoever is not read on stands still at a yield, and comes to no `finally`.
  signal.addEventListener("abort", listener.stop);
  try {
    while (listener.sight === undefined) {
      if (signal.aborted) return;
      await bell.next(BEAT_MS);
    }
    const revision = since === undefined ? listener.sight.revision : positionOf(since);
    const told: Told = {
      revision,
      fleetText: "",
      traffic: listener.sight.traffic,
      told: listener.sight.told,
    };
    const at = () => new Date(ports.clock.nowMs()).toISOString();
    yield { name: "hello", id: told.revision, data: { at: at(), revision: listener.sight.revision } };
    let saidAtMs = performance.now();
    while (!signal.aborted) {
      for await (const event of newsOf(listener, listener.sight, told, at)) {
        yield event;
        saidAtMs = performance.now();
      }
      const leftMs = BEAT_MS - (performance.now() - saidAtMs);
      if (leftMs > 0) await bell.next(leftMs);
      else {
        saidAtMs = performance.now();
        if (saidAtMs - listener.sight.seenAtMs > SIGHT_MS_MAX) continue;
        yield { name: "beat", id: told.revision, data: { at: at() } };
      }
    }
  } finally {
    signal.removeEventListener("abort", listener.stop);
    listener.stop();
    bell.stop();
  }
}

async function* newsOf(
  listener: Listener,
  sight: Sight,
  told: Told,
  at: () => string,
): AsyncGenerator<LiveEvent> {
  if (sight.revision !== told.revision) {
    const { revision, complete, changes } = await listener.changesAfter(told.revision);
    const same = told.revision === revision;
    told.revision = revision;
    // Another listener of this process may have read further than the last look.
    if (!same) yield { name: "changes", id: revision, data: { complete, changes } };
  }
  if (sight.fleetText !== told.fleetText) {
    told.fleetText = sight.fleetText;
    yield { name: "fleet", id: told.revision, data: sight.fleet };
  }
  if (sight.traffic !== told.traffic) {
    told.traffic = sight.traffic;
    yield { name: "traffic", id: told.revision, data: { at: at() } };
  }
  if (sight.told !== told.told) {
    told.told = sight.told;
    yield { name: "told", id: told.revision, data: { at: at() } };
  }
}

/** Rings that come while nobody waits are one. */
function createBell(signal: AbortSignal) {
  let rung = false;
  let wake: (() => void) | undefined;
  const ring = () => {
    rung = true;
    wake?.();
  };
  signal.addEventListener("abort", ring);
  return {
    ring,
    stop: () => signal.removeEventListener("abort", ring),
    async next(ms: number): Promise<void> {
      if (!rung && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      wake = undefined;
      rung = false;
    },
  };
}
