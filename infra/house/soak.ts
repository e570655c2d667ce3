/** `npm run soak -- NAME`: what takes longer than a test may, from infra/soak. */
import { runNamed } from "./named.ts";

await runNamed("infra/soak", "soak");
