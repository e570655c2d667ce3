/**
 * Writes an answer as the steering wants it: paced, cut, compressed, broken off. Stops writing when the client leaves,
 * and says how many of the counted pieces went out.
 */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Transform } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createBrotliCompress, createDeflate, createGzip, createZstdCompress } from "node:zlib";
import type { Frame } from "./dialect.ts";
import type { Steering } from "./steering.ts";

export interface Sent {
  /** Counted pieces handed to the socket before the client left or the connection was broken off. */
  readonly pieces: number;
  /** The client left before the end. */
  readonly aborted: boolean;
}

const COMPRESSORS = {
  gzip: () => createGzip(),
  deflate: () => createDeflate(),
  br: () => createBrotliCompress(),
  zstd: () => createZstdCompress(),
} as const;

/** Waits, at most until the client has left. */
export function pause(durationMs: number, gone: AbortSignal): Promise<void> {
  if (durationMs <= 0 || gone.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      gone.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, durationMs);
    gone.addEventListener("abort", done);
  });
}

async function writeRaw(
  response: ServerResponse,
  bytes: Buffer,
  splitBytes: number,
  gone: AbortSignal,
): Promise<void> {
  for (let at = 0; at < bytes.length && !gone.aborted; at += splitBytes) {
    const room = response.write(bytes.subarray(at, at + splitBytes));
    if (!room && !gone.aborted) await Promise.race([once(response, "drain"), once(gone, "abort")]);
    if (splitBytes < bytes.length) await nextTurn();
  }
}

/** Compresses one piece and returns all bytes that the other side needs to read it. */
async function squeeze(
  compressor: Transform & { flush(done: () => void): void },
  data: string,
): Promise<Buffer> {
  const out: Buffer[] = [];
  const take = (chunk: Buffer) => out.push(chunk);
  compressor.on("data", take);
  compressor.write(data);
  await new Promise<void>((done) => compressor.flush(done));
  compressor.off("data", take);
  return Buffer.concat(out);
}

async function finish(compressor: Transform): Promise<Buffer> {
  const out: Buffer[] = [];
  compressor.on("data", (chunk: Buffer) => out.push(chunk));
  compressor.end();
  await once(compressor, "end");
  return Buffer.concat(out);
}

/** Sends the frames after the head; the caller has written the head. Never rejects because a client left. */
export async function sendFrames(
  response: ServerResponse,
  frames: Iterable<Frame>,
  steering: Steering,
  gone: AbortSignal,
): Promise<Sent> {
  const { encoding = "identity", chunkMs = 0, failAfterChunks = Number.POSITIVE_INFINITY } = steering;
  const splitBytes = steering.splitBytes ?? Number.MAX_SAFE_INTEGER;
  const compressor = encoding === "identity" ? null : COMPRESSORS[encoding]();
  let pieces = 0;
  const failsBefore = (frame: Frame) => pieces >= failAfterChunks && (frame.content || failAfterChunks > 0);
  for (const frame of frames) {
    if (failsBefore(frame)) break;
    if (frame.content && pieces > 0) await pause(chunkMs, gone);
    if (gone.aborted) return { pieces, aborted: true };
    const bytes = compressor === null ? Buffer.from(frame.data) : await squeeze(compressor, frame.data);
    await writeRaw(response, bytes, splitBytes, gone);
    if (frame.content) pieces += 1;
  }
  if (gone.aborted) return { pieces, aborted: true };
  if (pieces >= failAfterChunks) {
    await nextTurn();
    response.destroy();
    return { pieces, aborted: false };
  }
  if (compressor !== null) await writeRaw(response, await finish(compressor), splitBytes, gone);
  response.end();
  return { pieces, aborted: false };
}
