/** Values that nobody sends by mistake: what the fuzz tests draw from. */
import fc from "fast-check";

/** Runs of each property: a short version in CI, `CLAVIGER_FUZZ_RUNS=10000` for a night. */
export function runsOf(short: number): { numRuns: number } {
  const wanted = Number(process.env.CLAVIGER_FUZZ_RUNS ?? "");
  return { numRuns: wanted > 0 ? wanted : short };
}

const EDGES = [
  ...[0, -0, -1, 1, 0.5, 2 ** 31, 2 ** 53, -(2 ** 53), 1e308, 8.64e15, 9_000_001],
  ...[
    "",
    " ",
    "\0",
    "\u0000a",
    "\ud800",
    "a".repeat(300),
    "a".repeat(5_000),
    "../..",
    "__proto__",
    "constructor",
  ],
  ...[
    "key_000000000000",
    "prj_000000000000",
    "2026-01-01T00:00:00Z",
    "9".repeat(40),
    "1e999",
    "NaN",
    "::ffff:0:0/0",
  ],
  ...["🏳️‍⚧️", "ﬁ", "\u202e", "'; drop table api_key; --", "%00", "{{7*7}}", "http://169.254.169.254/"],
  ...[true, false, null],
];

const scalar = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<unknown>(...EDGES) },
  fc.integer(),
  fc.double(),
  fc.string({ unit: "binary", maxLength: 40 }),
);

/** Any JSON value, with names that belong to the schema among those of its objects. */
export function valueWith(names: readonly string[]): fc.Arbitrary<unknown> {
  const name = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...(names.length === 0 ? ["v"] : names)) },
    fc.constantFrom("__proto__", "constructor", "toString", "data", "attributes", "v", ""),
    fc.string({ maxLength: 12 }),
  );
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      scalar,
      fc.array(tie("value"), { maxLength: 4 }),
      fc.array(fc.tuple(name, tie("value")), { maxLength: 10 }).map(objectOf),
    ),
  }));
  return value;
}

/** As `JSON.parse` makes them: `__proto__` is a member like any other. */
function objectOf(members: readonly (readonly [string, unknown])[]): object {
  const made = {};
  for (const [name, value] of members)
    Object.defineProperty(made, name, { value, enumerable: true, writable: true, configurable: true });
  return made;
}
