/** `npm run bench -- NAME`: measurements, from infra/bench. */
import { runNamed } from "./named.ts";

await runNamed("infra/bench", "bench");
