/** Ids: `<prefix>_<12 base62>` (71 bits), opaque to everybody but the one who made them. */
import { type RandomBytes, randomBase62 } from "./base62.ts";

/** Every noun that has an id, and its prefix. */
export type IdPrefix =
  | "org"
  | "prj"
  | "key"
  | "llm"
  | "gw"
  | "rep"
  | "op"
  | "mem"
  | "usr"
  | "ses"
  | "pat"
  | "enr"
  | "req"
  | "agt"
  | "tok";

/** A new id of that noun. */
export function makeId<P extends IdPrefix>(prefix: P, random: RandomBytes): `${P}_${string}` {
  return `${prefix}_${randomBase62(random, 12)}`;
}
