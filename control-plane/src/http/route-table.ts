/** Every route of the control plane, once. What is not here is a 404. */
import type { Route } from "./route.ts";

export const routes: readonly Route[] = [];
