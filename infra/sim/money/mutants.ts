/** Rules of escrow and of the usage outbox, each taken out. */
import type { Mutant } from "../mutants.ts";

const HELD = "shared/src/escrow/held.ts";
const ISSUE = "shared/src/escrow/issue.ts";
const LEDGER = "shared/src/escrow/settle-slices.ts";
const OUTBOX = "shared/src/escrow/outbox.ts";
const RECOVER = "shared/src/escrow/recover.ts";
const REPLICA = "shared/src/escrow/replica.ts";

export const moneyMutants: readonly Mutant[] = [
  {
    name: "M9",
    rule: "what a lost gateway holds returns when it has been silent for long",
    variant: "money",
    replacements: [
      {
        file: LEDGER,
        find: "open: row.open - rest, spent: row.spent + rest",
        replace: "open: row.open - rest",
      },
    ],
  },
  {
    name: "M10",
    rule: "a request is forwarded before its reservation is on disk",
    variant: "money",
    replacements: [
      {
        file: REPLICA,
        find: "effects.push(reserve(state, wanted, taken.charges));",
        replace: 'effects.push(reserve(state, wanted, taken.charges), { type: "forward", id: wanted.id });',
      },
    ],
  },
  {
    name: "M11",
    rule: "a restart frees what was reserved",
    variant: "money",
    replacements: [{ file: RECOVER, find: "actual: null, wallMs", replace: "actual: 0n, wallMs" }],
  },
  {
    name: "M12",
    rule: "a slice that is delivered twice counts twice",
    variant: "money",
    replacements: [
      {
        file: REPLICA,
        find: "if (state.held.slices.has(slice.id)) return serve(state, [slice.budget], wallMs);",
        replace: "",
      },
    ],
  },
  {
    name: "M12b",
    rule: "a request that is asked twice is given two slices",
    variant: "money",
    replacements: [
      { file: ISSUE, find: 'if (given !== undefined) return { kind: "again", slice: given };', replace: "" },
    ],
  },
  {
    name: "M13",
    rule: "a usage event that comes twice counts twice",
    variant: "money",
    replacements: [
      {
        file: OUTBOX,
        find: "const bySeq = new Map(",
        replace:
          "if (events[0] !== undefined && events[0].seq <= cursor) return [...events];\n  const bySeq = new Map(",
      },
    ],
  },
  {
    name: "M13b",
    rule: "usage events after a gap are taken",
    variant: "money",
    replacements: [
      {
        file: OUTBOX,
        find: "const bySeq = new Map(",
        replace: "if (events.every(({ seq }) => seq > cursor)) return [...events];\n  const bySeq = new Map(",
      },
    ],
  },
  {
    name: "M14",
    rule: "an event counts as delivered when it was sent",
    variant: "money",
    replacements: [
      {
        file: OUTBOX,
        find: "  return from <= to ? { from, to } : undefined;",
        replace:
          "  outbox.offered = Math.max(outbox.offered, to);\n  outbox.cursor = outbox.offered;\n  return from <= to ? { from, to } : undefined;",
      },
      {
        file: OUTBOX,
        find: "  } else if (cursor !== outbox.lower) outbox.lower = cursor;",
        replace: "  } else if (cursor < outbox.offered) outbox.lower = cursor;",
      },
    ],
  },
  {
    name: "M15",
    rule: "a slice is closed before all its events are in",
    variant: "money",
    replacements: [
      {
        file: LEDGER,
        find: 'if (report.cursor < holding.lastSeq) return { ...ledger, told: "nothing" };',
        replace: "",
      },
    ],
  },
  {
    name: "M16",
    rule: "what is reserved is not taken into account",
    variant: "money",
    replacements: [
      {
        file: HELD,
        find: "return one.amount - one.spent - one.reserved;",
        replace: "return one.amount - one.spent;",
      },
      { file: HELD, find: "spent + reserved > amount", replace: "spent > amount + reserved" },
    ],
  },
  {
    name: "E1",
    rule: "a slice is said to be smaller before that is on disk",
    variant: "money",
    replacements: [
      {
        file: RECOVER,
        find: "[...state.durable.slices.values()]",
        replace: "[...state.held.slices.values()]",
      },
    ],
  },
  {
    name: "E2",
    rule: "a slice that was made for an ended process is taken by the next",
    variant: "money",
    replacements: [
      {
        file: REPLICA,
        find: "if (slice.replica !== replica || slice.boot !== boot) return [];",
        replace: "if (slice.replica !== replica || boot === undefined) return [];",
      },
    ],
  },
  {
    name: "E3",
    rule: "what was given back is taken again when it is delivered late",
    variant: "money",
    replacements: [
      {
        file: REPLICA,
        find: "if (state.dropped.has(slice.id)) {",
        replace: "if (state.resent.has(slice.id)) {",
      },
    ],
  },
  {
    name: "E4",
    rule: "more is issued than is free",
    variant: "money",
    replacements: [
      { file: ISSUE, find: "row.limit - row.spent - row.open;", replace: "row.limit - row.spent;" },
    ],
  },
  {
    name: "E5",
    rule: "what a part of a report does not name counts as not held",
    variant: "money",
    replacements: [
      {
        file: LEDGER,
        find: 'if (holding === undefined && report.isPartial === true) return { ...ledger, told: "nothing" };',
        replace: "",
      },
    ],
  },
];
