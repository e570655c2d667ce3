/**
 * Where passwords are looked at, of one process: each look costs 19 MiB and tens of milliseconds of a thread that
 * others need too. Two at once, a short queue behind them, and no more than a part of it for one address.
 */
import { problem } from "@claviger/shared/api/problem";

const AT_ONCE_MAX = 2;
const WAITING_MAX = 16;
const WAITING_OF_PEER_MAX = 8;

export interface Desk {
  /** Throws 429 when whoever comes from this address now would be turned away. */
  requireRoom(peer: string): void;
  /** Runs `work` when it is its turn; throws 429 when the queue is full. */
  take<T>(peer: string, work: () => Promise<T>): Promise<T>;
}

export function createDesk(): Desk {
  let busy = 0;
  const queue: { peer: string; begin: () => void }[] = [];
  const requireRoom = (peer: string): void => {
    if (busy < AT_ONCE_MAX) return;
    const ofPeer = queue.filter((waiting) => waiting.peer === peer).length;
    if (queue.length < WAITING_MAX && ofPeer < WAITING_OF_PEER_MAX) return;
    const detail = "Too many sign-ins at this moment. Try again in a second.";
    throw problem("rate_limit_exceeded", detail, { retryAfterSeconds: 1 });
  };
  return {
    requireRoom,
    async take(peer, work) {
      requireRoom(peer);
      if (busy < AT_ONCE_MAX) busy += 1;
      else await new Promise<void>((begin) => queue.push({ peer, begin }));
      try {
        return await work();
      } finally {
        // The place is handed on, so nobody who comes now slips in before whoever waits.
        const next = queue.shift();
        if (next === undefined) busy -= 1;
        else next.begin();
      }
    },
  };
}
