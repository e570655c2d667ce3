/**
 * Spans on their way to a collector. The bargain: never in the way of a request. `add` is a push into a bounded list;
 * whatever the collector does (nothing, errors, slowness), spans are dropped and counted, and nobody waits.
 */
import { type Attributes, encodeSpans, type Span } from "./otlp.ts";

export interface ExportSettings {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly resource: Attributes;
  readonly scopeVersion: string;
  /** Spans that may wait; those beyond are dropped. */
  readonly waitingMax: number;
  readonly batchMax: number;
  /** How long spans are gathered. */
  readonly delayMs: number;
}

/** Of the OpenTelemetry specification's batch span processor. */
export const EXPORT_DEFAULTS = { waitingMax: 2048, batchMax: 512, delayMs: 5000, timeoutMs: 10_000 } as const;

/** Counted since the start. */
export interface ExportCounts {
  exported: number;
  /** By why: `queue_full`, `rejected` (the collector's word), `unreachable`. */
  readonly dropped: Map<string, number>;
}

/** Sends one request; resolves to status and body, rejects where there was no answer. */
export type Post = (
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  timeoutMs: number,
) => Promise<{ readonly status: number; readonly body: string }>;

const RETRIES_MAX = 4;
const BACKOFF_MS = 1000;
/** What a collector answers when the same may be taken later (OTLP/HTTP, "Retryable Response Codes"). */
const RETRYABLE = new Set([429, 502, 503, 504]);

export class Exporter {
  readonly counts: ExportCounts = { exported: 0, dropped: new Map() };
  readonly #settings: ExportSettings;
  readonly #post: Post;
  #waiting: Span[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sending: Promise<void> | undefined;
  #closed = false;
  #hurry: (() => void) | undefined;

  constructor(settings: ExportSettings, post: Post) {
    this.#settings = settings;
    this.#post = post;
  }

  /** Takes a span, or counts it as dropped. */
  add(span: Span): void {
    if (this.#closed || this.#waiting.length >= this.#settings.waitingMax) return this.#drop("queue_full", 1);
    this.#waiting.push(span);
    if (this.#waiting.length >= this.#settings.batchMax) this.#send();
    else this.#schedule();
  }

  /** Sends what waits, once, and takes no more. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#hurry?.();
    await this.#sending;
    if (this.#waiting.length > 0) this.#send();
    await this.#sending;
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => this.#send(), this.#settings.delayMs);
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#settings.batchMax);
      const body = encodeSpans(batch, this.#settings.resource, this.#settings.scopeVersion);
      const rejected = await this.#sendOne(body);
      if (typeof rejected === "string") this.#drop(rejected, batch.length);
      else {
        this.counts.exported += batch.length - rejected;
        if (rejected > 0) this.#drop("rejected", rejected);
      }
    }
  }

  /** How many of the batch the collector did not take, or why it took none. */
  async #sendOne(body: string): Promise<number | "rejected" | "unreachable"> {
    const { url, timeoutMs } = this.#settings;
    const headers = { ...this.#settings.headers, "content-type": "application/json" };
    for (let failures = 0; ; failures++) {
      const answer = await this.#post(url, headers, body, timeoutMs).catch(() => undefined);
      if (answer !== undefined && answer.status < 300) return rejectedOf(answer.body);
      if (answer !== undefined && !RETRYABLE.has(answer.status)) return "rejected";
      if (failures >= RETRIES_MAX || this.#closed) return "unreachable";
      await this.#pause(BACKOFF_MS * 2 ** failures);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #drop(why: string, n: number): void {
    const { dropped } = this.counts;
    dropped.set(why, (dropped.get(why) ?? 0) + n);
  }
}

/** `ExportTracePartialSuccess.rejected_spans`. */
function rejectedOf(body: string): number {
  try {
    const { partialSuccess } = JSON.parse(body) as { partialSuccess?: { rejectedSpans?: string | number } };
    const rejected = Number(partialSuccess?.rejectedSpans ?? 0);
    return Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0;
  } catch {
    // A collector may answer with nothing, or in protobuf; then it took them.
    return 0;
  }
}
