/** Who made the changes that were told since the page was opened. */
import type { LiveChange } from "@claviger/shared/api/event";

const KEPT_MAX = 500;
const actors = new Map<string, string>();

/** Keeps who it was, by revision; the oldest is forgotten. */
export function keepActors(changes: readonly LiveChange[]): void {
  for (const { revision, actor } of changes) actors.set(revision, actor);
  for (const oldest of actors.keys()) {
    if (actors.size <= KEPT_MAX) break;
    actors.delete(oldest);
  }
}

/** Undefined when it was not heard. */
export function actorOf(revision: string): string | undefined {
  return actors.get(revision);
}
