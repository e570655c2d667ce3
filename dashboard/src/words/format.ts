/** Times, counts and money as people read them. The exact value stands in the title of whatever shows these. */

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** `15:03:41`, or with milliseconds `15:03:41.057`, in the browser's time zone. */
export function clock(iso: string, milliseconds = false): string {
  const date = new Date(iso);
  const text = date.toLocaleTimeString("en-GB", { hour12: false });
  return milliseconds ? `${text}.${String(date.getMilliseconds()).padStart(3, "0")}` : text;
}

/** `20 Nov, 15:03:41`, in the browser's time zone. */
export function dayAndClock(iso: string): string {
  const day = new Date(iso).toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  return `${day}, ${clock(iso)}`;
}

/** `20 Nov`, with the year unless it is this one. */
export function dayOf(iso: string, nowMs: number): string {
  const date = new Date(iso);
  const sameYear = date.getFullYear() === new Date(nowMs).getFullYear();
  return date.toLocaleDateString("en-GB", {
    day: "numeric",
    month: "short",
    ...(sameYear ? {} : { year: "numeric" }),
  });
}

/** `20 Dec 2026, 15:03 UTC`. */
export function exact(iso: string): string {
  const text = new Date(iso).toLocaleString("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    timeZone: "UTC",
  });
  return `${text} UTC`;
}

/** Local and UTC, to the second, for titles. */
export function localAndUtc(iso: string): string {
  const date = new Date(iso);
  return `${date.toLocaleString("en-GB")} local, ${date.toISOString().replace("T", " ").slice(0, 19)} UTC`;
}

/** A span in its largest unit: `48 s`, `12 min`, `3 h`, `3 d`. */
export function span(ms: number): string {
  if (ms < minute) return `${Math.max(0, Math.round(ms / 1000))} s`;
  if (ms < hour) return `${Math.round(ms / minute)} min`;
  if (ms < 2 * day) return `${Math.round(ms / hour)} h`;
  return `${Math.round(ms / day)} d`;
}

/** `944`, `18.2k`, `1.20M`: three digits at most, which a hover completes. */
export function count(value: number): string {
  for (const [size, unit] of [
    [1e9, "B"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const) {
    if (value >= size) {
      const scaled = value / size;
      return `${scaled.toFixed(scaled >= 100 ? 0 : scaled >= 10 ? 1 : unit === "k" ? 2 : 2)}${unit}`;
    }
  }
  return String(value);
}

/** A decimal string of dollars with the digits that carry meaning: `$50`, `$12.50`, `$0.00042`. */
export function dollars(decimal: string): string {
  const [whole = "0", fraction = ""] = decimal.split(".");
  const cut = fraction.replace(/0+$/, "");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  if (cut === "") return `$${grouped}`;
  const shown =
    Number(whole) === 0 && /^00/.test(cut) ? /^0*\d{1,2}/.exec(cut)?.[0] : cut.slice(0, 2).padEnd(2, "0");
  return `$${grouped}.${shown ?? cut}`;
}

/** `-12 ± 3 ms`: how far a clock is off, and the error of that figure. */
export function offset(offsetMs: number | null | undefined, errorMs: number | null | undefined): string {
  return offsetMs == null ? "–" : `${Math.round(offsetMs)} ± ${Math.ceil(errorMs ?? 0)} ms`;
}

/** The first letters of the first and last word. */
export function initials(name: string): string {
  const words = name.split(/[\s@.]+/).filter((word) => word !== "");
  return `${words[0]?.[0] ?? ""}${words.length > 1 ? (words.at(-1)?.[0] ?? "") : ""}`.toUpperCase();
}

/** The number of a revision without its epoch. */
export function revisionNumber(revision: string | null): string {
  return revision === null ? "–" : Number(revision.split(".")[1] ?? 0).toLocaleString("en-US");
}

/** `claviger-gateway/0.1.0` is version 0.1.0. */
export function versionOf(software: string | null | undefined): string {
  return software?.split("/").at(-1) ?? "–";
}
