/**
 * What the vitest global setup hands to tests: `inject("postgresUrl")`, `inject("natsServerBinary")`. Import this file
 * for its types (`import "@…/testing/context.ts"` is not needed at run time).
 */
declare module "vitest" {
  export interface ProvidedContext {
    /** Superuser URL of the run's PostgreSQL; a test makes its own database with `createDatabase`. */
    postgresUrl: string;
    /** Absolute path of a nats-server; a test starts its own with `startNats`. */
    natsServerBinary: string;
  }
}

export {};
