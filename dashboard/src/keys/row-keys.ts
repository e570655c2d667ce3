import { useKeyboard } from "../shell/keyboard.ts";
import type { Selection } from "./selection.ts";

const LINKS = "table.keys td.c-name a";

function links(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>(LINKS)];
}

/** The row that holds the focus. */
function present(): HTMLElement | null {
  return document.activeElement?.closest("tr") ?? null;
}

/** j and k walk through the rows, x chooses one and Shift+x everything since, the dot opens its menu; Enter opens it by itself. */
export function useRowKeys(selection: Selection): void {
  const move = (by: number) => {
    const all = links();
    const at = all.findIndex((link) => link.closest("tr") === present());
    all[Math.min(Math.max(at + by, 0), all.length - 1)]?.focus();
  };
  const choose = (range: boolean) => {
    const box = present()?.querySelector<HTMLInputElement>(".c-check input");
    if (box) selection.toggle(box.value, !selection.ids.has(box.value) || range, range);
  };
  // Typed as keys of the keyboard: a capital alone would be taken for a component.
  const shiftX = "X";
  useKeyboard({
    j: () => move(1),
    k: () => move(-1),
    x: () => choose(false),
    [shiftX]: () => choose(true),
    ".": () => present()?.querySelector<HTMLElement>(".c-acts button:last-of-type")?.click(),
  });
}
