/** What a relay is given to do, within which limits, and what came of it. */
import type { EventDialect } from "@claviger/shared/decide/problem";
import type { Refusal } from "@claviger/shared/decide/refusals";
import type { Usage } from "@claviger/shared/money/cost";
import type { Answer, UpstreamRequest } from "../ports.ts";
import type { Admission } from "../rooms.ts";
import type { Dialect } from "./surfaces.ts";
import type { DialectUsage } from "./usage/dialect-usage.ts";
import type { Strip } from "./usage/stream.ts";

export interface RelayLimits {
  /** No stream lives longer (`stream_too_long`). */
  readonly streamMsMax: number;
  /** Largest answer that is one piece, and largest stream, in bytes. */
  readonly answerBytesMax: number;
  readonly streamBytesMax: number;
  /** A caller that takes nothing for so long is cut off. */
  readonly stallMsMax: number;
  /** How long an abandoned call is read on where leaving does not stop the provider's meter. */
  readonly drainMsMax: number;
}

export interface RelayJob {
  readonly admission: Admission;
  readonly requestId: string;
  readonly answer: Answer;
  readonly dialect: Dialect;
  /** Of the error that ends a stream. */
  readonly eventDialect: EventDialect;
  readonly usage: DialectUsage;
  readonly request: UpstreamRequest;
  /** Our own headers of the answer, flat. */
  readonly ours: readonly string[];
  /** What of the stream's words about usage comes of our asking, and not of the caller's. */
  readonly strip: Strip;
  /** Content types of an answer that is neither JSON nor an event stream. */
  readonly otherAnswers: RegExp | undefined;
  /** Bytes of the request that may be words. */
  readonly textBytes: number;
  /** A budget bounds the answer to so many tokens: no more than that is read. */
  readonly outputTokensMax?: number | undefined;
  /** Asks for leave to read on after the caller has left; the slot is given back at settlement. */
  readonly mayDrain: () => boolean;
  /**
   * Told when it fails, with the provider's status if it had one. True: another attempt answers, so this one leaves the
   * caller alone. Undefined where there is nobody else.
   */
  readonly failed: ((refusal: Refusal, upstreamStatus: number | undefined) => boolean) | undefined;
  /** A stream's head waits for its first byte, because another attempt could still answer. */
  readonly headWaits: boolean;
  readonly settled: (outcome: Outcome) => void;
}

export interface Outcome {
  /** What the caller was told; 499 when it left before the end. */
  readonly status: number;
  readonly code: string | null;
  readonly streamed: boolean;
  readonly tokens: Usage;
  readonly basis: "provider" | "bounded";
  readonly firstByteMs: number | null;
  readonly totalMs: number;
}
