/**
 * The invariants of the protocol and the mutants that each of them has to kill, row by row. A row without mutants says
 * why it has none.
 */
export interface Row {
  readonly invariant: string;
  /** What holds, in one line. */
  readonly says: string;
  readonly mutants: readonly string[];
  /** Why there is none, or why not the one that one would expect. */
  readonly note?: string;
}

const row = (invariant: string, says: string, mutants: string, note?: string): Row => ({
  invariant,
  says,
  mutants: mutants === "" ? [] : mutants.split(" "),
  ...(note === undefined ? {} : { note }),
});

export const rows: readonly Row[] = [
  row(
    "I1",
    "after `confirmed` no replica admits that key and generation",
    "M5 M6 C2",
    "M8 and M20 need a cache between applier and admission; there is none",
  ),
  row("I2", "after `refusesBy` a replica admits nothing for it", "M1 M3 M18 M19 C1"),
  row("I3", "generation and status never move down", "M5 M7 M7b M7c C3"),
  row("I4", "a replica's state is the fold of the changes up to its revision", "G1 M5 M7b"),
  row("I5", "freshness only by an own open question, of this process, on the table it speaks of", "M2 M4"),
  row("I6", "what is reported is on disk", "M6 E1"),
  row("I7", "a revocation sees every proof that does not contain it", "T-share-lock M3"),
  row("I8", "a cold start serves by what verifies, by its age, with a sane clock", "M17 M21 T-verify T-seal"),
  row("I9", "billed ≤ spent + open ≤ limit, at each instant", "M9 M10 M11 M12 M16 E4"),
  row("I10", "at each replica spent + reserved ≤ amount, on disk", "M12 M16 E3"),
  row("I11", "a refused request has sent no byte upstream", "T-forward-first T-unheld T-last-look"),
  row("I12", "the bound of a request is never below what it costs", "T-bytes-per-token"),
  row("I13", "events are attempts, one for one", "M13 M13b M14"),
  row("I14", "events add up to slices, slices to budgets", "M15 E5"),
  row("I15", "shares together never exceed the limit", "R1 R2 R3 R4 R5 R6 R7 R8 R9 R10 R11 R12 R13 R14"),
  row("I16", "a token's rights are within its parent's present rights", "T-parent T-parent-generation"),
  row("I17", "nobody reads, writes or imports what is another's", "T-wildcard T-import"),
  row("I18", "secrets are nowhere but where they belong", "T-logged-body"),
  row(
    "I19",
    "every error has the schema, a request id, no stack and no upstream key",
    "",
    "the protocol lists none",
  ),
  row("I20", "one Idempotency-Key, one effect; no replay holds a secret", "", "the protocol lists none"),
  row("I21", "the audit chain verifies; edits and cuts are seen", "", "the protocol lists none"),
  row("I22", "wiping the bus costs latency only", "M14"),
  row("I23", "when faults stop, everything heals", "L1 M12b C4"),
  row("I24", "a revoke that aborts closes the upstream within a second", "", "the protocol lists none"),
  row(
    "I25",
    "a promotion loses nothing that was confirmed",
    "",
    "the mutant is asynchronous replication: kept as a test of known badness",
  ),
  row("I26", "the order of checks is fixed", "", "the protocol lists none"),
];

/** Mutants that belong to no row of the protocol: rules that were found while building. */
export const furtherMutants = ["E2", "P1", "P2", "P3", "P4", "P5", "P6"];
