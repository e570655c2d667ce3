/** Tests that need PostgreSQL or nats-server, wherever they stand. */
export const stackTests = ["{shared,control-plane,gateway,dashboard,infra}/**/*.stack.test.ts"];

/** Tests that start the whole local stack as processes. */
export const e2eTests = ["infra/e2e/*.e2e.test.ts"];

/**
 * Of these, what every gateway promises whatever it runs on: admission and refusals by bytes, the relay with real clients,
 * metering, spend, following, freshness. They run once on each runtime.
 */
export const contractTests = [
  ...["answers-bodies", "answers-credentials", "tokens", "upstream", "budget", "crash"],
].map((name) => `infra/e2e/${name}.e2e.test.ts`);

/** The rest of it, which takes longer than a stage may: `npm run soak -- contract` runs all of it on workerd. */
export const longContractTests = [
  ...[
    "sdk",
    "llm-keys",
    "revoke",
    "lifecycle",
    "audit",
    "provider-faults",
    "rates",
    "outage",
    "no-nats",
    "create",
  ],
].map((name) => `infra/e2e/${name}.e2e.test.ts`);

/** Tests in a browser. */
export const browserTests = ["infra/e2e/dashboard/*.e2e.test.ts"];

/** Tests that run inside workerd. */
export const workerdTests = ["{shared,control-plane,gateway,dashboard,infra}/**/*.workerd.test.ts"];

/** Whatever is not a unit or property test. All of infra/e2e is kept out, so that a misnamed file there is not run twice. */
export const notUnit = ["**/*.stack.test.ts", "**/*.workerd.test.ts", "**/*.e2e.test.ts", "infra/e2e/**"];
