import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { ApiKey } from "../api/queries.ts";

/** What is chosen in the list: single keys, which stay chosen from page to page, or all that match its filter. */
export interface Selection {
  readonly ids: ReadonlySet<string>;
  readonly all: boolean;
  /** `range`: everything between the key that was touched last and this one. */
  toggle(id: string, on: boolean, range: boolean): void;
  togglePage(on: boolean): void;
  selectAll(): void;
  clear(): void;
}

/** `filter` in text: another filter is another list, and begins with nothing chosen. */
export function useSelection(keys: readonly ApiKey[], filter: string): Selection {
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  const [all, setAll] = useState(false);
  const last = useRef<string | null>(null);
  const page = useRef(keys);
  page.current = keys;
  const clear = useCallback(() => {
    setIds(new Set());
    setAll(false);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs when the filter changes, which it does not read
  useEffect(() => clear(), [filter, clear]);
  const toggle = useCallback((id: string, on: boolean, range: boolean) => {
    const order = page.current.map((key) => key.id);
    const [from, to] = [order.indexOf(last.current ?? ""), order.indexOf(id)].toSorted((a, b) => a - b);
    const touched = range && from !== undefined && from >= 0 ? order.slice(from, (to ?? from) + 1) : [id];
    last.current = id;
    setAll(false);
    setIds((before) => changed(before, touched, on));
  }, []);
  const togglePage = useCallback((on: boolean) => {
    setAll(false);
    const touched = page.current.map((key) => key.id);
    setIds((before) => changed(before, touched, on));
  }, []);
  const selectAll = useCallback(() => setAll(true), []);
  return useMemo(
    () => ({ ids, all, toggle, togglePage, selectAll, clear }),
    [ids, all, toggle, togglePage, selectAll, clear],
  );
}

function changed(before: ReadonlySet<string>, touched: readonly string[], on: boolean): Set<string> {
  const next = new Set(before);
  for (const id of touched) {
    if (on) next.add(id);
    else next.delete(id);
  }
  return next;
}
