/** The test's end of the load thread. */
import { Worker } from "node:worker_threads";
import type { Aim, FromWorker, Shot, ToWorker } from "./shots.ts";

export interface Load {
  /** Begins firing; replaces what was aimed at before. */
  aim(aims: readonly Aim[]): void;
  /** Resolves when every aim of these tags has `count` finished shots begun after `afterNs` (of this status, if given). */
  until(
    tags: readonly string[],
    count: number,
    options?: { afterNs?: bigint; status?: number },
  ): Promise<void>;
  /** Stops firing, waits for what is in flight, and hands over all shots since the last call. */
  cease(): Promise<readonly Shot[]>;
  end(): Promise<void>;
}

const UNTIL_MS_MAX = 30_000;

/** Starts the thread. */
export function startLoad(): Load {
  const worker = new Worker(new URL("./load-worker.ts", import.meta.url));
  const waiting = new Map<number, (message: FromWorker) => void>();
  let failure: Error | null = null;
  let ids = 0;
  worker.on("message", (message: FromWorker) => {
    waiting.get(message.id)?.(message);
    waiting.delete(message.id);
  });
  worker.on("error", (error) => {
    failure = error instanceof Error ? error : new Error(String(error));
  });
  const send = (message: ToWorker) => worker.postMessage(message);
  const ask = (make: (id: number) => ToWorker, what: string): Promise<FromWorker> =>
    new Promise((resolve, reject) => {
      ids += 1;
      const id = ids;
      const late = () => reject(failure ?? new Error(`the load did not get to: ${what}`));
      const timer = setTimeout(late, UNTIL_MS_MAX);
      waiting.set(id, (message) => {
        clearTimeout(timer);
        resolve(message);
      });
      send(make(id));
    });
  return {
    aim: (aims) => send({ kind: "aim", aims }),
    async until(tags, count, { afterNs = 0n, status } = {}) {
      const what = `${count} shots of ${tags.join(", ")}${status === undefined ? "" : ` answered ${status}`}`;
      await ask((id) => ({ kind: "await", id, tags, afterNs, count, status: status ?? null }), what);
    },
    async cease() {
      const message = await ask((id) => ({ kind: "cease", id }), "ceasing");
      return message.kind === "ceased" ? message.shots : [];
    },
    async end() {
      await worker.terminate();
    },
  };
}
