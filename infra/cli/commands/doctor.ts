import type { Command } from "commander";
import { CommandError, type Terminal } from "../command.ts";
import type { DoctorOptions } from "../doctor/diagnose.ts";
import type { Finding } from "../doctor/finding.ts";

const help = `
Looks at the control plane from here: address, TLS, database, bus, clocks. Signed in, also at every gateway, its
clock and its public address, and with --providers at every LLM key, from every gateway. Where DATABASE_URL and the
other settings of a control plane are in the environment, also at these, the database, the key-encryption key and the
bus; where CLAVIGER_GATEWAY_HOME is, at a gateway's folder. Changes nothing. Exit code 1: there is an error.`;

export function addDoctor(program: Command, terminal: Terminal): void {
  program
    .command("doctor")
    .description("look for what is set up wrongly, and say what to do")
    .option("--providers", "also ask every provider, from every gateway, whether it lets us in")
    .addHelpText("after", help)
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<DoctorOptions>();
      const { diagnose } = await import("../doctor/diagnose.ts");
      const findings = await diagnose(options, terminal);
      print(findings, options, terminal);
      const errors = findings.filter(({ level }) => level === "error").length;
      if (errors > 0)
        throw new CommandError(`${errors} ${errors === 1 ? "thing does" : "things do"} not work`);
    });
}

const marks = { ok: "ok     ", warning: "warning", error: "ERROR  " } as const;

function print(findings: readonly Finding[], { json }: DoctorOptions, { out }: Terminal): void {
  if (json) return out(JSON.stringify({ data: findings }, undefined, 2));
  for (const { about, level, said, mend } of findings) {
    out(`${marks[level]}  ${about}: ${said}`);
    if (mend !== undefined) out(`         → ${mend}`);
  }
}
