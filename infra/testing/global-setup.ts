/**
 * vitest's globalSetup for tests that need PostgreSQL or NATS (`x.stack.test.ts`): one PostgreSQL for the run, and the
 * path of a nats-server. See context.ts for what is provided.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { TestProject } from "vitest/node";
import { findNatsServer } from "../local/nats-server.ts";
import { findFreePort } from "../local/ports.ts";
import { startPostgres } from "../local/postgres.ts";
import "./context.ts";

/** Set to `on` to run the tests' PostgreSQL with fsync and synchronous commit, as in production. */
const DURABLE = "CLAVIGER_TEST_POSTGRES_DURABLE";

/** Starts the services before the first test; what it returns stops them after the last. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const cacheDir = process.env.CLAVIGER_CACHE ?? resolve(import.meta.dirname, "../../.cache");
  const natsServerBinary = findNatsServer({ path: process.env.PATH ?? "", cacheDir });
  const dir = mkdtempSync(join(tmpdir(), "claviger-test-"));
  const remove = () => rmSync(dir, { recursive: true, force: true });
  try {
    const postgres = await startPostgres({
      dir,
      port: await findFreePort(),
      password: randomBytes(18).toString("base64url"),
      unsafe: process.env[DURABLE] !== "on",
      settings: { max_connections: "300" },
    });
    project.provide("postgresUrl", postgres.url);
    project.provide("natsServerBinary", natsServerBinary);
    return async () => {
      await postgres.stop();
      remove();
    };
  } catch (error) {
    remove();
    throw error;
  }
}
