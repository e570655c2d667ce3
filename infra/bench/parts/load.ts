/** Load and upstream as processes of their own, on the core of the others. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { CORES, pinTo } from "./processes.ts";

/** `request` is a whole HTTP/1.1 request. */
export type LoadOrder =
  | {
      readonly kind: "saturate";
      readonly port: number;
      /** Of the proxy, whose CPU time is read. */
      readonly pid: number;
      readonly request: string;
      readonly connections: number;
      readonly warmMs: number;
      /** It warms up for longer than `warmMs` until it has answered so many, and for `WARM_MS_MAX` at most. */
      readonly warmRequests?: number;
      readonly measureMs: number;
    }
  | { readonly kind: "firstBytes"; readonly port: number; readonly request: string; readonly count: number }
  | {
      readonly kind: "openStreams";
      readonly port: number;
      readonly request: string;
      readonly connections: number;
    };

/** `failed`: answers whose status was not 200, and connections that broke. */
export type LoadReport =
  | {
      readonly kind: "saturate";
      readonly requests: number;
      readonly cpuSeconds: number;
      readonly seconds: number;
      readonly failed: number;
    }
  | { readonly kind: "firstBytes"; readonly waitsMs: readonly number[]; readonly failed: number }
  | { readonly kind: "openStreams"; readonly failed: number };

type ReportOf<O extends LoadOrder> = Extract<LoadReport, { kind: O["kind"] }>;

export interface Load {
  /** Throws when any answer was not a 200: what fails is not measured. */
  run<O extends LoadOrder>(order: O, allOpen?: () => void): Promise<ReportOf<O>>;
  stop(): void;
}

export function startLoad(): Load {
  const child = forkHere("load-main.ts");
  return {
    async run(order, allOpen) {
      child.send(order);
      for (;;) {
        const [message] = (await once(child, "message")) as [LoadReport | { kind: "allOpen" }];
        if (message.kind === "allOpen") {
          allOpen?.();
          continue;
        }
        if (message.failed > 0) throw new Error(`port ${order.port}: ${message.failed} requests failed`);
        return message as ReportOf<typeof order>;
      }
    },
    stop: () => child.disconnect(),
  };
}

/** The bare provider; resolves to its port when it listens. */
export async function startUpstream(): Promise<{ port: number; stop(): void }> {
  const child = forkHere("upstream-main.ts");
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  return { port, stop: () => child.disconnect() };
}

function forkHere(file: string): ChildProcess {
  const child = fork(join(import.meta.dirname, file));
  if (child.pid !== undefined) pinTo(child.pid, CORES.others);
  return child;
}
