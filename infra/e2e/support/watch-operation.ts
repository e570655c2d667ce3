/** An operation as `GET /operations/{id}` streams it (SSE). */
import * as z from "zod";
import { type Admin, Operation } from "./admin.ts";

const Resource = z.object({ data: z.object({ attributes: Operation }) });

/** Reads the data of server-sent events, one JSON value per event; comments and empty events are skipped. */
async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<unknown> {
  const decoder = new TextDecoder();
  let buffer = "";
  for await (const bytes of body) {
    buffer += decoder.decode(bytes, { stream: true });
    const parts = buffer.split(/\r?\n\r?\n/);
    buffer = parts.pop() ?? "";
    for (const part of parts) {
      const lines = part.split(/\r?\n/).filter((line) => line.startsWith("data:"));
      if (lines.length > 0)
        yield JSON.parse(lines.map((line) => line.slice("data:".length).trim()).join("\n"));
    }
  }
}

/** The operation's attributes, whether an event carries the whole resource or the attributes alone. */
function operationOf(value: unknown): Operation {
  const whole = Resource.safeParse(value);
  return whole.success ? whole.data.data.attributes : Operation.parse(value);
}

/** Follows an operation until it says `status`; rejects when the stream ends before, or after `waitMs`. */
export async function untilOperation(
  admin: Admin,
  token: string,
  id: string,
  status: Operation["status"],
  waitMs: number,
): Promise<Operation> {
  const answer = await fetch(`${admin.url}/api/v1/operations/${id}`, {
    headers: { authorization: `Bearer ${token}`, accept: "text/event-stream" },
    signal: AbortSignal.timeout(waitMs),
  });
  if (answer.status !== 200 || answer.body === null)
    throw new Error(`operation ${id} answered ${answer.status}`);
  for await (const event of events(answer.body)) {
    const operation = operationOf(event);
    if (operation.status === status) return operation;
  }
  throw new Error(`the events of operation ${id} ended before it was ${status}`);
}
