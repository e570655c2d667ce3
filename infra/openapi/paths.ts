import { resolve } from "node:path";

/** A path of the repository as an absolute one. */
export const pathOf = (path: string): string => resolve(import.meta.dirname, "../..", path);
