import { expect, test } from "vitest";
import { bucketsOf, INTERVAL_MS, momentOf, rangeOf, tickOf } from "./range.ts";
import { readUsageSearch } from "./search.ts";

const NOW_MS = Date.UTC(2026, 10, 20, 15, 3, 43);
const at = (raw: Record<string, string>) => rangeOf(readUsageSearch(raw), NOW_MS);

test("a range is whole intervals up to the present one, and is compared with as much time before it", () => {
  const month = at({});
  expect([new Date(month.fromMs).toISOString(), new Date(month.toMs).toISOString()]).toEqual([
    "2026-10-22T00:00:00.000Z",
    "2026-11-20T15:04:00.000Z",
  ]);
  expect(month.per).toBe("day");
  expect(month.backMs).toBe(30 * INTERVAL_MS.day);
  expect(bucketsOf(month)).toHaveLength(30);
  expect(bucketsOf(at({ range: "24h" }))).toHaveLength(24);
  expect(bucketsOf(at({ range: "1h" }))).toHaveLength(60);
  expect(at({ range: "7d", per: "hour" }).per).toBe("hour");
});

test("days that are named are those days, whichever is named first; what is no day is no range", () => {
  const days = at({ from: "2026-11-12", to: "2026-11-10" });
  expect([days.fromMs, days.toMs]).toEqual([Date.UTC(2026, 10, 10), Date.UTC(2026, 10, 13)]);
  expect(bucketsOf(days).map((ms) => tickOf(ms, "day"))).toEqual(["10 Nov", "11 Nov", "12 Nov"]);
  expect(readUsageSearch({ range: "custom", from: "2026-13-45", to: "x" }).range).toBe("30d");
});

test("whatever the range, an interval never gives more points than one page of the API", () => {
  for (let days = 0; days <= 700; days++) {
    for (const per of ["minute", "hour", "day"]) {
      const to = new Date(Date.UTC(2026, 0, 1) + days * INTERVAL_MS.day).toISOString().slice(0, 10);
      const range = at({ from: "2026-01-01", to, per });
      const points = bucketsOf(range).length;
      // Days are offered for any length: of those the pages are read one after the other.
      if (range.per !== "day") expect(points).toBeLessThanOrEqual(200);
      expect(points * INTERVAL_MS[range.per]).toBe(range.toMs - range.fromMs);
    }
  }
});

test("moments are told in UTC", () => {
  expect(momentOf(Date.UTC(2026, 10, 20, 14, 5), "minute")).toBe("Fri 20 Nov, 14:05");
  expect(momentOf(Date.UTC(2026, 10, 20), "day")).toBe("Fri 20 Nov");
  expect(tickOf(Date.UTC(2026, 10, 20, 14), "hour")).toBe("14:00");
  expect(tickOf(Date.UTC(2026, 10, 20), "hour")).toBe("20 Nov");
});
