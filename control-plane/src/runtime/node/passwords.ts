/** argon2id by node:crypto (Node ≥ 24.7), in PHC string format; the work runs on the thread pool. */
import { argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import type { Passwords } from "../../ports.ts";

const derive = promisify(argon2);

/** OWASP's minimum for argon2id: 19 MiB, two passes, one lane. */
const COST = { memory: 19_456, passes: 2, parallelism: 1 } as const;
const TAG_BYTES = 32;
const PHC = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

export const passwords: Passwords = {
  async hash(password) {
    const nonce = randomBytes(16);
    const tag = await derive("argon2id", { ...COST, message: password, nonce, tagLength: TAG_BYTES });
    const { memory, passes, parallelism } = COST;
    return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${plain(nonce)}$${plain(tag)}`;
  },
  /** False for a wrong password and for a text that is no argon2id hash. */
  async verify(password, phc) {
    const [, memory, passes, parallelism, salt, tag] = PHC.exec(phc) ?? [];
    if (salt === undefined || tag === undefined) return false;
    const expected = Buffer.from(tag, "base64");
    const actual = await derive("argon2id", {
      message: password,
      nonce: Buffer.from(salt, "base64"),
      memory: Number(memory),
      passes: Number(passes),
      parallelism: Number(parallelism),
      tagLength: expected.length,
    });
    return timingSafeEqual(actual, expected);
  },
};

/** Unpadded base64, as PHC strings have it. */
function plain(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64").replaceAll("=", "");
}
