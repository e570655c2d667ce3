import { dirname, join } from "node:path";

/** The repository's top folder. */
export const root = dirname(dirname(import.meta.dirname));

/** An absolute path for one that is relative to the repository's top folder. */
export const pathOf = (relative: string): string => join(root, relative);
