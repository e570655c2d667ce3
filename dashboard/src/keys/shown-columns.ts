import { useState } from "react";
import { type ColumnId, columns, shownAtFirst } from "./columns.tsx";

const STORED = "claviger.keys.columns";

function readStored(): readonly ColumnId[] {
  const stored = localStorage.getItem(STORED)?.split(",");
  return stored === undefined
    ? shownAtFirst
    : columns.map(({ id }) => id).filter((id) => stored.includes(id));
}

/** The chosen columns, remembered in this browser. */
export function useShownColumns() {
  const [shown, setShown] = useState(readStored);
  const toggle = (id: ColumnId, on: boolean) => {
    const next = columns.map((column) => column.id).filter((one) => (one === id ? on : shown.includes(one)));
    localStorage.setItem(STORED, next.join(","));
    setShown(next);
  };
  return { shown, toggle };
}
