/** 200 000 fresh histories of the protocol, and all mutants: `npm run soak -- sim`. */
process.argv.push("--seeds", "200000");
await import("../sim/run.ts");
