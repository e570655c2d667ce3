/** What the local stack must keep secret, generated once per home: losing this file loses the data it encrypts. */
import { randomBytes, randomInt } from "node:crypto";
import { join } from "node:path";
import * as z from "zod";
import { readJsonFile, writeJsonFile } from "./json-file.ts";
import { LocalStackError } from "./types.ts";

export const Secrets = z.object({
  /** Key-encryption key of the control plane: 32 bytes, base64. */
  keyEncryptionKey: z.string(),
  operatorToken: z.string(),
  postgresPassword: z.string(),
  /** First password of the demo's administrator. */
  adminPassword: z.string(),
  /** By gateway name: 32 bytes, base64; encrypts that gateway's state. */
  gatewayMasterKeys: z.record(z.string(), z.string()),
});
export type Secrets = z.infer<typeof Secrets>;

/** Reads `secrets.json` of the home, adding what is missing. A file that is there but unreadable is never replaced. */
export function ensureSecrets(home: string, gatewayNames: readonly string[]): Secrets {
  const file = join(home, "secrets.json");
  const found = Secrets.partial().safeParse(readJsonFile(file) ?? {});
  if (!found.success) throw new LocalStackError(`${file} is damaged; restore it, or start over with --reset`);
  const held = found.data;
  const masterKeys = { ...held.gatewayMasterKeys };
  for (const name of gatewayNames) masterKeys[name] ??= randomBytes(32).toString("base64");
  const secrets: Secrets = {
    keyEncryptionKey: held.keyEncryptionKey ?? randomBytes(32).toString("base64"),
    operatorToken: held.operatorToken ?? randomBytes(32).toString("base64url"),
    postgresPassword: held.postgresPassword ?? randomBytes(24).toString("base64url"),
    adminPassword: held.adminPassword ?? readablePassword(),
    gatewayMasterKeys: masterKeys,
  };
  if (JSON.stringify(secrets) !== JSON.stringify(held)) writeJsonFile(file, secrets);
  return secrets;
}

/** Four groups of five, no look-alikes: about 99 bits. */
function readablePassword(): string {
  const alphabet = "23456789abcdefghjkmnpqrstuvwxyz";
  const group = () => Array.from({ length: 5 }, () => alphabet[randomInt(alphabet.length)]).join("");
  return Array.from({ length: 4 }, group).join("-");
}
