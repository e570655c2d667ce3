/** What a run writes down: what was done, what was promised, what was seen. */
import type { Restriction } from "./administrator.ts";
import type { Finding } from "./judge.ts";
import type { Shot } from "./load.ts";

export interface Done {
  readonly name: string;
  readonly promised: string;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Told {
  readonly startedAt: string;
  readonly seconds: number;
  readonly versions: string;
  readonly done: readonly Done[];
  readonly leftOut: readonly string[];
  readonly findings: readonly Finding[];
  readonly failures: Readonly<Record<string, number>>;
}

/** The page, in Markdown. */
export function faultsPage(told: Told, shots: readonly Shot[], restrictions: readonly Restriction[]): string {
  const broken = told.findings.flatMap(({ broken: all }) => all).length;
  const faults = told.done.map(
    ({ name, promised, fromMs, toMs }) =>
      `| ${name} | ${((toMs - fromMs) / 1000).toFixed(0)} s | ${promised} | ${seen(shots, restrictions, fromMs, toMs)} |`,
  );
  const findings = told.findings.map(
    ({ invariant, looked, broken: all }) =>
      `| ${invariant} | ${looked} | ${all.length === 0 ? "holds" : `**${all.length} times broken**: ${all.slice(0, 3).join("; ")}`} |`,
  );
  const away = Object.entries(told.failures).map(([what, n]) => `${n} × ${what}`);
  return `# Faults: what was done, promised and seen

Written by \`npm run faults\`, which \`infra/faults\` is. Two control planes, PostgreSQL with a synchronous standby made from a cold copy, three
nats-servers in a cluster, four gateways, each a process of its own, the sandbox provider as the witness of what was forwarded and billed.
Meanwhile callers ask by the clock at every gateway, and an administrator makes keys and takes them away without a pause. A Worker is not part of it yet.

Run of ${told.startedAt}, ${told.seconds} s, ${told.versions}. ${shots.length} requests, ${restrictions.length} restrictions,
${told.done.length} faults. Verdict: **${broken === 0 ? "every promise was kept" : `${broken} promises were broken`}**.

| done | for | promised meanwhile | seen meanwhile |
|---|---|---|---|
${faults.join("\n")}
${told.leftOut.length === 0 ? "" : `\nNot done here, because this machine cannot: ${told.leftOut.join("; ")}.\n`}
Calls of the administrator that had to be repeated: ${away.join(", ") || "none"}.

| invariant | looked at, from outside | |
|---|---|---|
${findings.join("\n")}

I24 is proved by tests alone ([proof.md](../proof.md)); what cannot be seen from outside by itself (I5, I6, I7, I10, I12) is named where its breach would be seen.
`;
}

function seen(
  shots: readonly Shot[],
  restrictions: readonly Restriction[],
  fromMs: number,
  toMs: number,
): string {
  const within = shots.filter(({ startedMs }) => startedMs >= fromMs && startedMs <= toMs);
  const counts = new Map<string, number>();
  for (const { status, code } of within) {
    const what = status === 200 ? "served" : status === 0 ? "not answered" : `${status} \`${code}\``;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  const times = within
    .filter(({ status }) => status === 200)
    .map(({ startedMs, finishedMs }) => finishedMs - startedMs);
  times.sort((a, b) => a - b);
  const p99 = times[Math.floor(times.length * 0.99)];
  const done = restrictions.filter(
    ({ doneMs }) => doneMs !== null && doneMs >= fromMs && doneMs <= toMs,
  ).length;
  const list = [...counts].sort((a, b) => b[1] - a[1]).map(([what, n]) => `${n} ${what}`);
  return `${list.join(", ")}; p99 ${p99 ?? "–"} ms; ${done} changes confirmed`;
}
