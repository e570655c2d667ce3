/** 200 000 fresh histories of the protocol: `npm run soak -- sim`. */
process.argv.push("--seeds", "200000");
await import("../sim/run.ts");
