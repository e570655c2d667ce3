/** Concurrent edits: `If-Match` names the revision that the editor has read (RFC 9110 §13.1.1). */
import { problem } from "@claviger/shared/api/problem";
import type { Resource } from "@claviger/shared/api/resource";

/** Throws `edit_conflict` with the present resource unless the revision is still the one that was read. */
export async function requireUnchanged(
  ifMatch: string | undefined,
  revision: string,
  present: () => Promise<{ resource: Resource }>,
): Promise<void> {
  if (ifMatch === undefined || ifMatch === revision || ifMatch === "*") return;
  const { resource } = await present();
  throw problem("edit_conflict", undefined, { resource, revision });
}
