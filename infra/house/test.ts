/**
 * `npm test [-- STAGE [FILTER …]]`: every stage in order, or one of them. The last line is `N passed, N failed`; the
 * exit code is 1 if anything failed and 2 if there is no such stage.
 */
import { passSignalsOn } from "./process.ts";
import { runStages } from "./run-stages.ts";
import { stages } from "./stages.ts";

passSignalsOn();
const [name, ...filters] = process.argv.slice(2);
const wanted = name === undefined ? stages : stages.filter((stage) => stage.name === name);
if (wanted.length === 0) {
  console.error(
    `No stage is called "${name}". npm test -- ${stages.map((stage) => stage.name).join(" | ")} [FILTER …]`,
  );
  process.exitCode = 2;
} else {
  const { failed } = await runStages(wanted, filters, (text) => console.log(text));
  process.exitCode = failed === 0 ? 0 : 1;
}
