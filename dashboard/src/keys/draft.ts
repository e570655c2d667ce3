/** An unsubmitted form survives an accidental close within this browser tab. It never holds a secret: there is none yet. */
import type { KeyValues } from "./form-values.ts";
import { blankValues } from "./form-values.ts";

const STORED = "claviger.draft.api-key";

export function keepDraft(values: KeyValues): void {
  sessionStorage.setItem(STORED, JSON.stringify(values));
}

export function dropDraft(): void {
  sessionStorage.removeItem(STORED);
}

/** The draft of this tab, with a blank for whatever it lacks. */
export function readDraft(ownerId: string, projectId: string): KeyValues | null {
  const stored = sessionStorage.getItem(STORED);
  if (stored === null) return null;
  return { ...blankValues(ownerId, projectId), ...(JSON.parse(stored) as Partial<KeyValues>) };
}
