/** The way back to an MCP client: one JSON message, a stream of them, or nothing; and a refusal in the form that fits. */
import { mcpErrorOf } from "@claviger/shared/decide/mcp-problem";
import { problemOf } from "@claviger/shared/decide/problem";
import type { Refusal } from "@claviger/shared/decide/refusals";
import type { Answer } from "../ports.ts";
import type { JsonObject } from "./json-rpc.ts";
import { type SseEvent, writeEvent } from "./sse.ts";

const encoder = new TextEncoder();

/** What answers a request, alone or together with others. */
export type ReplyPart = Pick<
  Reply,
  "ours" | "status" | "onGone" | "onDrained" | "json" | "nothing" | "begin" | "event" | "end" | "fail"
>;

export class Reply {
  /** Flat headers that stand on every answer. */
  readonly ours: string[];
  /** Of the request that is answered; null: none, or not known yet. */
  id: string | number | null = null;
  status = 0;
  readonly #answer: Answer;
  readonly #requestId: string;
  #isStream = false;
  #over = false;

  constructor(answer: Answer, requestId: string, ours: string[]) {
    this.#answer = answer;
    this.#requestId = requestId;
    this.ours = ours;
  }

  get over(): boolean {
    return this.#over;
  }

  onGone(then: () => void): void {
    this.#answer.onGone(() => {
      if (this.#over) return;
      this.#over = true;
      then();
    });
  }

  onDrained(then: () => void): void {
    this.#answer.onDrained(then);
  }

  /** One message, as text. */
  json(status: number, text: string, more: readonly string[] = []): void {
    if (this.#over) return;
    const body = encoder.encode(text);
    this.#head(status, ["content-type", "application/json", "content-length", String(body.length), ...more]);
    this.#end(body);
  }

  nothing(status: number): void {
    if (this.#over) return;
    this.#head(status, status === 204 ? [] : ["content-length", "0"]);
    this.#end();
  }

  begin(more: readonly string[] = []): void {
    if (this.#over) return;
    this.#isStream = true;
    this.#head(200, ["content-type", "text/event-stream", ...more], true);
  }

  /** False: enough for now. */
  event(event: SseEvent): boolean {
    return this.#over || this.#answer.write(writeEvent(event));
  }

  message(message: JsonObject): boolean {
    return this.event({ event: "message", data: JSON.stringify(message) });
  }

  end(): void {
    if (!this.#over) this.#end();
  }

  /** A stream that answers a request ends with an error response to it, one that only listens just ends. */
  fail(refusal: Refusal): void {
    if (this.#over) return;
    if (!this.#answer.begun) {
      const { status, headers, body } = problemOf(refusal, "mcp", this.#requestId, this.id);
      const bytes = encoder.encode(body);
      const head = ["content-length", String(bytes.length)];
      for (const [name, value] of Object.entries(headers))
        if (name !== "x-request-id") head.push(name, value);
      this.#head(status, head);
      this.#end(bytes);
    } else if (!this.#isStream) {
      this.#over = true;
      this.#answer.cut();
    } else if (this.id === null) this.#end();
    else {
      const data = JSON.stringify(mcpErrorOf(refusal, this.id, this.#requestId));
      this.#end(writeEvent({ event: "message", data }));
    }
  }

  #head(status: number, more: readonly string[], flush = false): void {
    this.status = status;
    this.#answer.head(status, [...this.ours, ...more], flush);
  }

  #end(bytes?: Uint8Array): void {
    this.#over = true;
    this.#answer.end(bytes);
  }
}
