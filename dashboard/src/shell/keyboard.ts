import { useEffect, useRef } from "react";

const STORED = "claviger.shortcuts";

/** Single letters as shortcuts can be turned off (WCAG 2.1.4). */
export function shortcutsOn(): boolean {
  return localStorage.getItem(STORED) !== "off";
}

export function setShortcuts(on: boolean): void {
  if (on) localStorage.removeItem(STORED);
  else localStorage.setItem(STORED, "off");
}

/** Single keys for this page. They are silent in fields, with a modifier, and while a dialog is open. */
export function useKeyboard(keys: Readonly<Record<string, () => unknown>>): void {
  const held = useRef(keys);
  held.current = keys;
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented || !shortcutsOn()) return;
      const target = event.target as HTMLElement;
      if (
        target.closest(
          "input, textarea, select, [contenteditable], [role=dialog], [role=menu], [role=listbox]",
        )
      )
        return;
      const act = held.current[event.key];
      if (act === undefined) return;
      event.preventDefault();
      act();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}
