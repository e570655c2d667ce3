import { posix } from "node:path";

/** What a specifier means: a file of the repository, or a package (`@scope/name`, `node:fs`). */
export type Target = { file: string } | { package: string };

const ours = /^@claviger\/([^/]+)\/(.+)$/;

/** Resolves a specifier as Node does with our `exports`; whether the file exists is the compiler's to say. */
export function resolve(from: string, specifier: string): Target {
  if (specifier.startsWith(".")) return { file: posix.normalize(posix.join(posix.dirname(from), specifier)) };
  const match = ours.exec(specifier);
  if (match !== null) return { file: `${match[1]}/src/${match[2]}.ts` };
  if (specifier.startsWith("node:")) return { package: specifier };
  return {
    package: specifier
      .split("/")
      .slice(0, specifier.startsWith("@") ? 2 : 1)
      .join("/"),
  };
}
