import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { type Held, holdRows } from "./held.ts";

/** Further down than this somebody reads what stands there. */
const READING_PX = 80;

function subscribe(listener: () => void): () => void {
  window.addEventListener("scroll", listener, { passive: true });
  return () => window.removeEventListener("scroll", listener);
}

/** True while the page is scrolled down. */
function useReading(): boolean {
  return useSyncExternalStore(subscribe, () => window.scrollY > READING_PX);
}

export interface HeldRows<Row> extends Held<Row> {
  /** Lets in what waits. */
  release(): void;
}

/**
 * Rows that do not jump while somebody reads them: further down the page, or while `paused`. `question` is what was asked
 * for; the answer to another one is shown at once.
 */
export function useHeld<Row>(
  now: readonly Row[],
  keyOf: (row: Row) => string,
  question: string,
  paused = false,
): HeldRows<Row> {
  const reading = useReading();
  const shown = useRef<{ question: string; rows: readonly Row[] } | null>(null);
  const [, again] = useState(0);
  const holds = (reading || paused) && shown.current?.question === question;
  const held: Held<Row> = holds ? holdRows(shown.current?.rows ?? now, now, keyOf) : { rows: now, fresh: 0 };
  useEffect(() => {
    shown.current = { question, rows: held.rows };
  });
  const release = useCallback(() => {
    shown.current = null;
    window.scrollTo({ top: 0 });
    again((n) => n + 1);
  }, []);
  return { ...held, release };
}
