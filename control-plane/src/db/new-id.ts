import { type RandomBytes, randomBase62 } from "@claviger/shared/key/base62";

/** `<prefix>_<12 base62>`: 71 bits, so that ids of different organizations never meet. */
export function newId(random: RandomBytes, prefix: string): string {
  return `${prefix}_${randomBase62(random, 12)}`;
}
