/** Questions to a thread and its answers, by number. */
import { Worker } from "node:worker_threads";

export type Reply = { readonly id: number; readonly value?: unknown; readonly error?: string };

export interface Thread<Request extends { readonly id: number }> {
  /** Rejects with what went wrong there, and for ever after the thread has ended. */
  ask<T>(request: Unnumbered<Request>): Promise<T>;
  /** Ends the thread after its `close`; does nothing when it has ended. */
  close(close: Unnumbered<Request>): Promise<void>;
}

type Unnumbered<R> = R extends { id: number } ? Omit<R, "id"> : never;

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** What the threads of one log are opened with: its file, and h_0 of its audit chain. */
export interface LogFile {
  readonly path: string;
  readonly root: string;
  /** What captured bodies may take. */
  readonly bodyBytesMax: number;
}

/** Starts the thread of `module` on a log. */
export function startThread<Request extends { readonly id: number }>(
  module: URL,
  file: LogFile,
): Thread<Request> {
  const worker = new Worker(module, { workerData: file });
  const waiting = new Map<number, Waiting>();
  let last = 0;
  let dead: Error | undefined;
  const fail = (error: Error) => {
    dead ??= error;
    for (const each of waiting.values()) each.reject(dead);
    waiting.clear();
  };
  worker.on("message", (reply: Reply) => {
    const each = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (reply.error === undefined) each?.resolve(reply.value);
    else each?.reject(new Error(reply.error));
  });
  worker.on("error", (error) => fail(error instanceof Error ? error : new Error(String(error))));
  worker.on("exit", () => fail(new Error("the log store is closed")));
  const ask = <T>(request: Unnumbered<Request>): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      if (dead !== undefined) return reject(dead);
      const id = ++last;
      waiting.set(id, { resolve: (value) => resolve(value as T), reject });
      worker.postMessage({ ...request, id });
    });
  return {
    ask,
    async close(close) {
      if (dead !== undefined) return;
      await ask(close);
      await worker.terminate();
    },
  };
}
