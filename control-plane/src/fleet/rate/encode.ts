/** Books as JSON, and back. What is not of this form counts as lost. */
import type { FleetBook, KeyBook } from "@claviger/shared/rate/dealer";
import * as z from "zod";

/** Another form is another number. */
const FORM = 1;

const Generation = z.object({ epoch: z.number(), sinceMs: z.number() });

/** A map as its entries. */
function mapOf<V>(value: z.ZodType<V>): z.ZodType<Map<string, V>> {
  return z
    .array(z.tuple([z.string(), value as z.ZodType]))
    .transform((entries) => new Map(entries as [string, V][]));
}

const Rate = z.object({ rate: z.number(), burst: z.number() });
const Unheard = mapOf(z.number());

const Book = z.object({
  limit: Rate,
  lines: mapOf(
    z.object({
      shares: z.array(Rate.extend({ id: z.number(), untilMs: z.number() })),
      demand: z.number(),
    }),
  ),
  level: z.number(),
  atMs: z.number(),
  unheard: Unheard,
});

const Permits = z.object({
  max: z.number(),
  lines: mapOf(
    z.object({
      shares: z.array(z.object({ id: z.number(), permits: z.number(), untilMs: z.number() })),
      inflight: z.number(),
      demand: z.number(),
    }),
  ),
  unheard: Unheard,
});

const StoredFleet = z.object({
  form: z.literal(FORM),
  generation: Generation,
  lastId: z.number(),
  heard: mapOf(z.object({ starts: z.number(), n: z.number(), whole: z.boolean() })),
  floors: Book,
});

const StoredKey = z.object({
  form: z.literal(FORM),
  generation: Generation,
  requests: Book.optional(),
  tokens: Book.optional(),
  permits: Permits.optional(),
});

export function encodeBook(book: FleetBook | KeyBook): string {
  return JSON.stringify({ form: FORM, ...book }, (_, value: unknown) =>
    value instanceof Map ? [...value] : value,
  );
}

export function decodeFleet(stored: unknown): FleetBook | undefined {
  return StoredFleet.safeParse(stored).data;
}

export function decodeKey(stored: unknown): KeyBook | undefined {
  return StoredKey.safeParse(stored).data;
}
