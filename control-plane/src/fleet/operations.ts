/** How far a change has come: the view behind `meta.operation` and `GET /operations/{id}`. */
import type { Ports } from "../ports.ts";
import type { OperationView } from "./journal-types.ts";

/** Resolves when every reachable gateway has confirmed, or after `waitMs`; throws on an unknown id. */
export async function awaitOperation(
  _ports: Ports,
  _orgId: string,
  _operationId: string,
  _waitMs: number,
  _signal?: AbortSignal,
): Promise<OperationView> {
  throw new Error("operations are being built");
}

/** The view now; undefined when the organization has no such operation. */
export async function readOperation(
  _ports: Ports,
  _orgId: string,
  _operationId: string,
): Promise<OperationView | undefined> {
  throw new Error("operations are being built");
}
