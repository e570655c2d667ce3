import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** An error whose message is all that its reader needs: printed without a stack. */
export class PlainError extends Error {}

/** The oldest Node that runs our TypeScript as it is. */
export const nodeMajorMin = 24;

/** True where the binaries of `node-linux-*` run: Linux with glibc, x64 or arm64. */
export function hasPinnedNode(platform = process.platform, arch = process.arch, report = process.report) {
  if (platform !== "linux" || !["x64", "arm64"].includes(arch)) return false;
  report.excludeNetwork = true;
  return report.getReport().header.glibcVersionRuntime !== undefined;
}

/** The Node that runs the tasks: the pinned one where there is one, else the caller's own if it is new enough. */
export function chooseNode(root) {
  const pinned = join(root, `node_modules/node-linux-${process.arch}/bin/node`);
  if (hasPinnedNode()) {
    if (existsSync(pinned)) return pinned;
    throw new PlainError(
      `The pinned Node is missing (${pinned}). Its package is optional, so an interrupted download can leave it out: ` +
        "remove node_modules and run the command again.",
    );
  }
  if (Number(process.versions.node.split(".")[0]) >= nodeMajorMin) return process.execPath;
  throw new PlainError(
    `On ${describePlatform()} there is no Node that we can bring along. Put Node ${nodeMajorMin} or newer on PATH ` +
      `(this is ${process.version}) and run the command again.`,
  );
}

function describePlatform() {
  if (process.platform === "darwin") return "macOS";
  if (process.platform !== "linux") return process.platform;
  try {
    const name = /^PRETTY_NAME="?([^"\n]+)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
    return `${name ?? "this Linux"} (${process.arch}, no glibc)`;
  } catch {
    return `this Linux (${process.arch})`;
  }
}
