/** Writes `docs/conformance.md` anew. */
import { writeFileSync } from "node:fs";
import { renderTable } from "./table.ts";

writeFileSync(new URL("../../docs/conformance.md", import.meta.url), renderTable());
