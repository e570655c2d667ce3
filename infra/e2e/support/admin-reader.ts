/** An admin who reads all the time, in a thread of its own, so that what the test does meanwhile is not in the figures. */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

export interface Reads {
  /** One per call, in the order of their ends. */
  readonly ms: readonly number[];
  /** Answers other than 200, with their path. */
  readonly failed: readonly string[];
}

interface Aim {
  readonly url: string;
  readonly token: string;
  readonly paths: readonly string[];
}

const REST_MS = 20;

/** Begins to read these paths in turns; `stop` ends it and hands over what was measured. */
export function startReading(aim: Aim): { stop(): Promise<Reads> } {
  const worker = new Worker(new URL(import.meta.url), { workerData: aim });
  return {
    stop: () =>
      new Promise((resolve, reject) => {
        worker.once("error", reject);
        worker.once("message", (reads: Reads) => {
          void worker.terminate();
          resolve(reads);
        });
        worker.postMessage("stop");
      }),
  };
}

async function read({ url, token, paths }: Aim): Promise<void> {
  const ms: number[] = [];
  const failed: string[] = [];
  let stopping = false;
  parentPort?.once("message", () => {
    stopping = true;
  });
  for (let n = 0; !stopping; n += 1) {
    const path = paths[n % paths.length] ?? "";
    const sinceMs = performance.now();
    const answer = await fetch(`${url}/api/v1${path}`, { headers: { authorization: `Bearer ${token}` } });
    const text = await answer.text();
    ms.push(performance.now() - sinceMs);
    if (answer.status !== 200) failed.push(`${path} ${answer.status} ${text.slice(0, 200)}`);
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
  }
  parentPort?.postMessage({ ms, failed } satisfies Reads);
}

if (!isMainThread && workerData?.paths !== undefined) await read(workerData as Aim);
