/** Waiting for something outside of this process: probes with a short pause, never a blind sleep. */
import { connect } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

export interface Waiting {
  /** Gives up after this many milliseconds. */
  readonly timeoutMs: number;
  /** Checked before every probe; true gives up at once (the process died). */
  readonly abandoned?: () => boolean;
  readonly everyMs?: number;
}

/** Probes until `probe` resolves to true. False when the time is up or the wait was abandoned; a throwing probe is a no. */
export async function waitUntil(probe: () => Promise<boolean>, waiting: Waiting): Promise<boolean> {
  const deadlineMs = Date.now() + waiting.timeoutMs;
  for (;;) {
    if (waiting.abandoned?.()) return false;
    if (await probe().catch(() => false)) return true;
    if (Date.now() >= deadlineMs) return false;
    await pause(waiting.everyMs ?? 50);
  }
}

/** True when something accepts a TCP connection there within a second. */
export function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1000 });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
    socket.once("timeout", () => end(false));
  });
}
