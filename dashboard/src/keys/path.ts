import type { ApiKey } from "../api/queries.ts";

/** Where the API has it: an agent has every verb of a key, under its own noun. */
export function pathOf({ id, type }: Pick<ApiKey, "id" | "type">): string {
  return `/${type === "agent" ? "agents" : "api-keys"}/${id}`;
}
