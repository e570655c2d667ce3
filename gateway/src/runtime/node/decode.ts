/**
 * Undoes an encoding of an answer that nobody asked for: providers are asked for plain content, and one that compresses
 * all the same must still be metered, and tell the caller nothing that it would not have told. Holds back the provider
 * while the caller does not read, so that a bomb costs no more than its compressed bytes.
 */
import type { Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from "node:zlib";
import type { UpstreamFailure } from "../../ports.ts";

const DECODERS: Readonly<Record<string, () => Transform>> = Object.assign(Object.create(null), {
  gzip: () => createGunzip(),
  "x-gzip": () => createGunzip(),
  deflate: () => createInflate(),
  br: () => createBrotliDecompress(),
  zstd: () => createZstdDecompress(),
});

export interface Decoded {
  data(bytes: Uint8Array): void;
  end(): void;
  failed(why: UpstreamFailure): void;
}

/** The provider's connection, as far as the decoder holds it back. */
export interface Source {
  pause(): void;
  resume(): void;
}

/** Content that comes in encoded and goes out plain, in order; after `close` nothing does. */
export class Decoding {
  readonly #decoder: Transform;
  readonly #source: Source;
  readonly #to: Decoded;
  #empty = true;
  /** The caller holds back; the decoder is full. */
  #held = false;
  #full = false;

  constructor(decoder: Transform, source: Source, to: Decoded) {
    this.#decoder = decoder;
    this.#source = source;
    this.#to = to;
    decoder.on("data", (chunk: Buffer) => to.data(chunk));
    decoder.on("end", () => to.end());
    decoder.on("error", () => to.failed("bad_response"));
    decoder.on("drain", () => {
      this.#full = false;
      this.#flow();
    });
  }

  write(chunk: Uint8Array): void {
    if (chunk.length > 0) this.#empty = false;
    if (this.#decoder.write(chunk)) return;
    this.#full = true;
    this.#source.pause();
  }

  /** No content at all is plain already: a decoder would miss its first bytes. */
  end(): void {
    if (!this.#empty) return void this.#decoder.end();
    this.close();
    this.#to.end();
  }

  pause(): void {
    this.#held = true;
    this.#decoder.pause();
    this.#source.pause();
  }

  resume(): void {
    this.#held = false;
    this.#decoder.resume();
    this.#flow();
  }

  close(): void {
    this.#decoder.removeAllListeners("data").removeAllListeners("end");
    this.#decoder.destroy();
  }

  #flow(): void {
    if (!this.#held && !this.#full) this.#source.resume();
  }
}

/** A decoder for the content of these flat headers; undefined when it is plain, or encoded as nobody here knows. */
export function decoderFor(flat: readonly string[]): Transform | undefined {
  const at = flat.findIndex((text, i) => i % 2 === 0 && text === "content-encoding");
  return at < 0 ? undefined : DECODERS[(flat[at + 1] ?? "").trim().toLowerCase()]?.();
}

/** The headers without what is no longer true of decoded content. */
export function headOfDecoded(flat: readonly string[]): string[] {
  const head: string[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const name = flat[i] as string;
    if (name !== "content-encoding" && name !== "content-length") head.push(name, flat[i + 1] as string);
  }
  return head;
}
