/**
 * The header `x-sandbox`: how one request asks the provider to behave. Unknown members are refused, so that a test
 * with a slip of the pen fails and does not prove nothing.
 *
 * - `latencyMs` waits before the first byte of the answer's head.
 * - `chunks` cuts the text (or the body, when not streamed) into so many pieces; `chunkMs` waits before each but the first.
 * - `outputTokens` generates and bills exactly so many, even above the client's limit: a provider that breaks its word.
 * - `status` answers that status in the vendor's error shape and bills nothing; a 3xx points at a metadata address.
 * - `failAfterChunks` destroys the connection after so many pieces; what was sent is billed.
 * - `splitBytes` hands the answer to the socket in writes of so many bytes, wherever that cuts.
 * - `keepBillingAfterAbort` goes on generating, and bills all of it, when the client has left.
 * - `omitUsage` leaves the usage out of the answer; the ledger has it all the same.
 * - `encoding` compresses the answer whatever the client accepts.
 * - `usageIn` puts a chat stream's usage into a chunk of its own (the default, when asked for by `include_usage`),
 *   into the last chunk with a choice, or into every chunk, asked for or not.
 * - `mark` stands in the ledger's line, so that a test knows which of its requests was billed.
 */
import * as z from "zod";

const count = z.int().min(0).max(1_000_000);
const durationMs = z.int().min(0).max(3_600_000);

export const Steering = z.strictObject({
  latencyMs: durationMs.optional(),
  chunkMs: durationMs.optional(),
  chunks: z.int().min(1).max(100_000).optional(),
  outputTokens: count.optional(),
  status: z.int().min(300).max(599).optional(),
  failAfterChunks: count.optional(),
  splitBytes: z.int().min(1).max(1_000_000).optional(),
  keepBillingAfterAbort: z.boolean().optional(),
  omitUsage: z.boolean().optional(),
  encoding: z.enum(["identity", "gzip", "deflate", "br", "zstd"]).optional(),
  usageIn: z.enum(["separate", "last", "every"]).optional(),
  mark: z.string().max(64).optional(),
});
export type Steering = z.infer<typeof Steering>;

/** What the header says, or a sentence about what is wrong with it; no header steers nothing. */
export function readSteering(header: string | undefined): Steering | { wrong: string } {
  if (header === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(header);
  } catch {
    return { wrong: "x-sandbox is not JSON" };
  }
  const parsed = Steering.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  return { wrong: `x-sandbox ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "is not valid"}` };
}
