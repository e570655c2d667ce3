/**
 * What is shown of a key before the API has said so: only what can be taken back without harm. It lies over what was read,
 * so that nothing that comes in meanwhile puts the old state back.
 */
import type { ApiKeyView } from "@claviger/shared/api/api-key";
import { useSyncExternalStore } from "react";
import type { ApiKey } from "../api/queries.ts";

type Change = Partial<ApiKeyView>;

const changes = new Map<string, Change>();
const listeners = new Set<() => void>();

function tell(): void {
  for (const listener of [...listeners]) listener();
}

/** Shows the change wherever the key stands; returns the way to take it back. */
export function showAtOnce(id: string, change: Change): () => void {
  changes.set(id, change);
  tell();
  return () => {
    if (changes.get(id) === change) changes.delete(id);
    tell();
  };
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The key as it is to be shown. */
export function useAtOnce(apiKey: ApiKey): ApiKey {
  const change = useSyncExternalStore(subscribe, () => changes.get(apiKey.id));
  return change === undefined ? apiKey : { ...apiKey, attributes: { ...apiKey.attributes, ...change } };
}
