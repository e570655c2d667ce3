/** Keys as a large organization has them: most are alike, some have lists of their own, an end, or data of their own. */
import { buildKey } from "@claviger/shared/testing/records";
import { type SeededRandom, seededRandom } from "@claviger/shared/testing/seeded-random";
import type { KeyRecord } from "@claviger/shared/wire/record";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PROJECTS = 20;
const LISTS = 10;
const NOT_BEFORE_MS = Date.UTC(2030, 0, 1);

export const projectId = (n: number): string => `prj_${String(n % PROJECTS).padStart(12, "0")}`;
export const projectIds: readonly string[] = Array.from({ length: PROJECTS }, (_, n) => projectId(n));

/** `plain`: nothing but what every key has. `mixed`: of ten keys two have a list of models, one each the rest. */
export type Mix = "plain" | "mixed";

/** `count` keys with random ids and hashes, in random order; the same for the same seed. */
export function* makeKeys(count: number, mix: Mix, seed = 1): IterableIterator<KeyRecord> {
  const random = seededRandom(seed);
  for (let n = 0; n < count; n++) {
    yield buildKey({
      id: `key_${text(random, 12, 62)}`,
      projectId: projectId(n),
      hashes: [{ hash: `${text(random, 42, 62)}A`, generation: 1, notAfterMs: null }],
      ...(mix === "mixed" ? extras(n) : {}),
    });
  }
}

function extras(n: number): Partial<KeyRecord> {
  const list = Math.floor(n / 10) % LISTS;
  switch (n % 10) {
    case 0:
    case 1:
      return { allowedModels: ["gpt-5*", `sandbox/echo-${list}`], requestsPerMinute: 60 };
    case 2:
      return { ipAllowlist: [`10.${list}.0.0/16`, `2001:db8:${list}::/48`] };
    case 3:
      return { expiresAtMs: NOT_BEFORE_MS + n };
    case 4:
      return { metadata: { customer: `c-${n}` } };
    default:
      return {};
  }
}

function text(random: SeededRandom, length: number, base: number): string {
  let made = "";
  for (let i = 0; i < length; i++) made += DIGITS[Math.floor(random.next() * base)];
  return made;
}
