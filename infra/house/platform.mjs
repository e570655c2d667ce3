import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** An error whose message is all that its reader needs: printed without a stack. */
export class PlainError extends Error {}

/** The oldest Node that runs our TypeScript as it is. */
export const nodeMajorMin = 24;

/** What decides which Node can run the tasks. `glibc` is undefined where the C library is another (Alpine, macOS). */
export function here() {
  process.report.excludeNetwork = true;
  return {
    platform: process.platform,
    arch: process.arch,
    version: process.version,
    execPath: process.execPath,
    glibc: process.platform === "linux" ? process.report.getReport().header.glibcVersionRuntime : undefined,
  };
}

/** The Node that runs the tasks: the pinned one where its binary fits, else the caller's own if it is new enough. */
export function chooseNode(root, host = here()) {
  const { platform, arch, version, execPath, glibc } = host;
  if (platform === "linux" && ["x64", "arm64"].includes(arch) && glibc !== undefined) {
    const pinned = join(root, `node_modules/node-linux-${arch}/bin/node`);
    if (existsSync(pinned)) return pinned;
    throw new PlainError(
      `The pinned Node is missing (${pinned}). Its package is optional, so an interrupted download can leave it out: ` +
        "remove node_modules and run the command again.",
    );
  }
  if (Number(version.slice(1).split(".")[0]) >= nodeMajorMin) return execPath;
  throw new PlainError(
    `On ${describe(host)} there is no Node that we can bring along. Put Node ${nodeMajorMin} or newer on PATH ` +
      `(this is ${version}) and run the command again.`,
  );
}

function describe({ platform, arch, glibc }) {
  if (platform === "darwin") return "macOS";
  if (platform !== "linux") return platform;
  return `${distribution()} (${arch}${glibc === undefined ? ", no glibc" : ""})`;
}

function distribution() {
  try {
    return /^PRETTY_NAME="?([^"\n]+)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "this Linux";
  } catch {
    return "this Linux"; // It is named for the reader's sake only.
  }
}
