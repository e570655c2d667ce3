import { expect, test } from "vitest";
import { seededRandom } from "../testing/seeded-random.ts";
import { COLUMNS, PackedRows, RowIndex } from "./packed-rows.ts";

test("an index finds what is in it and nothing else, through growth, removal and numbers that are given again", () => {
  for (const alike of [1, 8, 1 << 30]) {
    const random = seededRandom(alike);
    const rows = new PackedRows();
    const index = new RowIndex(rows, 0, 3);
    const model = new Map<string, number>();
    const columnsOf = (name: string) => {
      const columns = new Int32Array(COLUMNS);
      columns.set(name.split(".").map(Number));
      return columns;
    };
    for (let step = 0; step < 20_000; step++) {
      // Few names at first, so that many come back; names that differ in one column, so that many meet in a slot.
      const name = `${random.int(0, 3) * alike}.${random.int(0, 40)}.${random.int(0, 1 + (step >> 6))}`;
      const columns = columnsOf(name);
      const known = model.get(name);
      const found = index.find(columns);
      if (found !== (known ?? -1)) throw new Error(`step ${step}: ${name} is ${known}, not ${found}`);
      if (known === undefined) {
        const row = rows.add(columns);
        index.add(row, columns);
        model.set(name, row);
      } else if (random.int(0, 1) === 0) {
        index.remove(known, columns);
        rows.remove(known);
        model.delete(name);
      }
    }
    for (const [name, row] of model) expect([name, index.find(columnsOf(name))]).toEqual([name, row]);
  }
});
