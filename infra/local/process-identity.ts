/** Tells a process from a later one that got the same number: a pid alone proves nothing after a crash or a reboot. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

/** What stays the same for the life of this process and for no other; null when there is no such process. */
export function processIdentity(pid: number): string | null {
  if (!existsSync("/proc/self/stat")) {
    const started = spawnSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" });
    return started.status === 0 && started.stdout.trim() !== "" ? started.stdout.trim() : null;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // proc(5): the command (field 2) may hold anything, so count from its closing bracket; field 3 is the state, 22 the start.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z") return null;
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${fields[19]}`;
  } catch {
    return null;
  }
}
