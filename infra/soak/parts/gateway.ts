/** A gateway in a process of its own, in front of a provider that the proof plays. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Held } from "../../../gateway/src/runtime/node/testing/gateway-process.ts";

const SCRIPT = new URL("../../../gateway/src/runtime/node/testing/gateway-process.ts", import.meta.url);

export interface GatewayProcess {
  /** What it holds now, after a full collection. */
  look(): Promise<Held>;
  /** A request on a socket of its own; only the first `bytes` of the body are sent when that is given. */
  ask(body: string, bytes?: number): Socket;
  stop(): Promise<void>;
}

export async function startGatewayProcess(providerUrl: string): Promise<GatewayProcess> {
  const child = fork(SCRIPT, [providerUrl], { execArgv: ["--expose-gc"] });
  const [{ url, secret }] = (await once(child, "message")) as [{ url: string; secret: string }];
  const port = Number(new URL(url).port);
  return {
    async look() {
      child.send("look");
      const [held] = (await once(child, "message")) as [Held];
      return held;
    },
    ask(body, bytes = body.length) {
      const socket = connect(port, "127.0.0.1").on("error", () => undefined);
      socket.write(
        `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${secret}\r\n` +
          `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, bytes)}`,
      );
      return socket;
    },
    async stop() {
      child.disconnect();
      await once(child, "exit");
    },
  };
}
