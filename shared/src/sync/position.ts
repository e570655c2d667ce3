/** Where somebody stands in an organization's history. */

/** Revisions of different epochs are not comparable; a higher epoch stands above every revision of a lower one. */
export interface Position {
  readonly epoch: number;
  readonly rev: number;
}

/** A position and the chain value there. */
export interface ChainedPosition extends Position {
  readonly chain: string;
}

/** True when `held` is at or past `wanted`. */
export function reaches(held: Position, wanted: Position): boolean {
  return held.epoch > wanted.epoch || (held.epoch === wanted.epoch && held.rev >= wanted.rev);
}
