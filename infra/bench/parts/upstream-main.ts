/**
 * The provider of the benchmarks, as bare as one can be: answers every request with the same bytes on a plain socket. A
 * request whose body asks for a stream gets 50 events, the first at once, the others at the pace that its path tells
 * (`/v1/pace/MS/…`). Tells its port on the IPC channel.
 */
import { type AddressInfo, createServer, type Socket } from "node:net";

const CHUNKS = 50;
const usage = { prompt_tokens: 120, completion_tokens: 80, total_tokens: 200 };
const shared = { id: "chatcmpl-1", created: 1_767_225_600, model: "bench-model" };

function answerBytes(): Buffer {
  const message = { role: "assistant", content: "word ".repeat(66) };
  const choices = [{ index: 0, message, finish_reason: "stop" }];
  const body = JSON.stringify({ ...shared, object: "chat.completion", choices, usage });
  const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
  return Buffer.from(head + body);
}

function chunkBytes(fields: object): Buffer {
  const data = `data: ${JSON.stringify({ ...shared, object: "chat.completion.chunk", ...fields })}\n\n`;
  return Buffer.from(`${data.length.toString(16)}\r\n${data}\r\n`);
}

const ANSWER = answerBytes();
const STREAM_HEAD = Buffer.from(
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
);
const CHUNK = chunkBytes({ choices: [{ index: 0, delta: { content: " twelve bytes" } }] });
const STREAM_END = Buffer.concat([
  chunkBytes({ choices: [], usage }),
  Buffer.from("e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"),
]);

function stream(socket: Socket, paceMs: number): void {
  socket.write(Buffer.concat([STREAM_HEAD, CHUNK]));
  let left = CHUNKS - 1;
  const next = () => {
    while (left > 0) {
      left--;
      socket.write(CHUNK);
      if (paceMs > 0) break;
    }
    if (left > 0) return;
    stop();
    socket.write(STREAM_END);
  };
  const timer = setInterval(next, paceMs);
  const stop = () => {
    clearInterval(timer);
    socket.off("close", stop);
  };
  socket.on("close", stop);
}

/** Reads requests off a connection, whatever pieces they come in. */
function serve(socket: Socket): void {
  socket.setNoDelay(true);
  let missing = 0;
  let head = "";
  const answer = (): void => {
    const pace = /^POST [^ ]*\/pace\/(\d+)\//.exec(head);
    if (pace === null) socket.write(ANSWER);
    else stream(socket, Number(pace[1]));
  };
  socket.on("data", (bytes: Buffer) => {
    let rest = bytes;
    if (missing === 0) {
      head += rest.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      missing = length;
      rest = rest.subarray(rest.length - (head.length - end - 4));
    }
    missing -= rest.length;
    if (missing > 0) return;
    answer();
    missing = 0;
    head = "";
  });
  socket.on("error", () => socket.destroy());
}

const server = createServer(serve);
server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on("disconnect", () => process.exit());
