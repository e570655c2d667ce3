/** Parts of answers on their way with the next heartbeat over HTTPS. */
import type { Heartbeat } from "@claviger/shared/wire/heartbeat";
import type { AnswerPart } from "@claviger/shared/wire/query";

/** What one heartbeat carries, in bytes; the control plane reads up to 1 MiB of it. */
const CARRIED_BYTES_MAX = 512 * 1024;
/** Who asked has given up by then. */
const KEPT_MS = 3_000;

export interface OutgoingPart {
  readonly cp: string;
  readonly id: string;
  /** The JSON of an `AnswerPart`. */
  readonly part: Uint8Array;
}

export interface AnswerBag {
  /** Resolves when a heartbeat that carried it was answered; rejects when that failed, or none was made for 3 s. */
  add(part: OutgoingPart): Promise<void>;
  /** Puts what lies in the bag into a heartbeat and sends it. */
  send<T>(body: Uint8Array, send: (filled: Uint8Array) => Promise<T>): Promise<T>;
}

interface Kept extends OutgoingPart {
  resolve(): void;
  reject(error: unknown): void;
}

export function createAnswerBag(): AnswerBag {
  let bag: Kept[] = [];
  return {
    add(part) {
      return new Promise((resolve, reject) => {
        const late = () => kept.reject(new Error("no heartbeat carried the answer"));
        const timer = setTimeout(late, KEPT_MS);
        const kept: Kept = {
          ...part,
          resolve() {
            clearTimeout(timer);
            resolve();
          },
          reject(error) {
            clearTimeout(timer);
            bag = bag.filter((other) => other !== kept);
            reject(error);
          },
        };
        bag.push(kept);
      });
    },
    async send(body, send) {
      const carried = takeSome();
      if (carried.length === 0) return send(body);
      try {
        const answer = await send(fill(body, carried));
        for (const { resolve } of carried) resolve();
        return answer;
      } catch (error) {
        for (const { reject } of carried) reject(error);
        throw error;
      }
    },
  };

  /** The oldest that fit; always one. */
  function takeSome(): Kept[] {
    let bytes = 0;
    const end = bag.findIndex(({ part }, n) => {
      bytes += part.length;
      return n > 0 && bytes > CARRIED_BYTES_MAX;
    });
    return bag.splice(0, end === -1 ? bag.length : end);
  }
}

function fill(body: Uint8Array, carried: readonly OutgoingPart[]): Uint8Array {
  const heartbeat = JSON.parse(new TextDecoder().decode(body)) as Heartbeat;
  const answers = carried.map(({ cp, id, part }) => ({
    cp,
    id,
    part: JSON.parse(new TextDecoder().decode(part)) as AnswerPart,
  }));
  return new TextEncoder().encode(JSON.stringify({ ...heartbeat, answers }));
}
