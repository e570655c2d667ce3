/** The whole stack for end-to-end tests: `npm start`'s supervisor on free ports and a home of its own. */
import type { Stack, StackOptions } from "../local/types.ts";

export type TestStackOptions = Partial<StackOptions>;

/**
 * Starts the stack and resolves when every child is ready. Without `home` a temporary one is made, and `stop()` removes
 * it; without `portBase` free ports are found.
 */
export async function startStack(_options: TestStackOptions = {}): Promise<Stack> {
  throw new Error("the local stack is being built");
}
