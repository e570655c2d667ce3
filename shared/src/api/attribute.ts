/** The scalars that attributes are made of. Lengths are in UTF-16 code units. */
import * as z from "zod";
import { Id } from "../wire/scalars.ts";

export { Id };

/** True without C0, C1, DEL, line separators and the characters that reverse or hide text. */
export function isPlainText(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the purpose
  return !/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/.test(text);
}

const plain = "must not hold control characters";

/** 1 to 128 characters, not only blanks. */
export const Label = z
  .string()
  .min(1, "must not be empty")
  .max(128, "must not be longer than 128 characters")
  .refine(isPlainText, plain)
  .refine((text) => text.trim() !== "", "must not be blank");

/** One entry of a list of names: 1 to 256 characters. */
export const Name = z.string().min(1, "must not be empty").max(256, "is too long").refine(isPlainText, plain);

/** Lower-case letters, digits, `-`, `_`, `.`: what callers write before the `/` of a model. */
export const Slug = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/,
    "must be a slug: a-z, 0-9, '-', '_' and '.', at most 64",
  );

/** No list of the API holds an entry twice. */
export function isSet(list: readonly (string | number)[]): boolean {
  return new Set(list).size === list.length;
}

export const TWICE = "must not hold an entry twice";

/** null for "all", else at least one. */
export const NameList = z
  .array(Name)
  .min(1, "must be null (all) or not empty")
  .max(1000, "must not have more than 1000 entries")
  .refine(isSet, TWICE)
  .nullable();

export const Email = z
  .email("must be an e-mail address")
  .max(254, "is too long")
  .transform((text) => text.toLowerCase());

/** 12 to 256 characters (NIST SP 800-63B asks for length, not for kinds of characters). */
export const Password = z.string().min(12, "must have at least 12 characters").max(256, "is too long");

/** Why, as the audit shows it. */
export const Reason = z.string().min(1).max(1000).refine(isPlainText, plain);

const instant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/;

/** Reads an ISO 8601 instant with an offset; undefined for anything else, a date without a time included. */
export function readInstant(text: string): Date | undefined {
  if (!instant.test(text)) return undefined;
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return undefined;
  // Date rolls 2026-02-30 over into March; the calendar date must survive the round trip.
  const day = new Date(`${text.slice(0, 10)}T00:00:00Z`);
  return day.toISOString().slice(0, 10) === text.slice(0, 10) ? date : undefined;
}

/** An ISO 8601 instant, as a Date. */
export const Instant = z.string().transform((text, context) => {
  const date = readInstant(text);
  if (date !== undefined) return date;
  context.addIssue({
    code: "custom",
    message: "must be an ISO 8601 instant with an offset, e.g. 2027-01-31T12:00:00Z",
  });
  return z.NEVER;
});
