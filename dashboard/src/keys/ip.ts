import { ApiKeyEdit } from "@claviger/shared/api/api-key";

/** The address or CIDR when the contract takes it. */
export function canonical(text: string): string | undefined {
  return ApiKeyEdit.safeParse({ ipAllowlist: [text] }).success ? text : undefined;
}

/** True for a range that lets everybody in. */
export function isEverybody(text: string): boolean {
  return /\/0$/.test(text);
}
