import { sql } from "drizzle-orm";
import type { Ports } from "../ports.ts";

/** True while the database answers: without it nothing can be changed or read here. */
export async function isReady(ports: Ports): Promise<boolean> {
  try {
    await ports.db.execute(sql`select 1`);
    return true;
  } catch (error) {
    ports.log.warn(
      { error: String(error instanceof Error ? error.cause : error) },
      "the database does not answer",
    );
    return false;
  }
}
