import { useSyncExternalStore } from "react";

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

/** The same name stands in public/theme.js, which reads it before the first paint. */
const STORED = "claviger.theme";

const listeners = new Set<() => void>();

function readTheme(): Theme {
  const held = document.documentElement.dataset.theme;
  return held === "light" || held === "dark" ? held : "system";
}

/** Sets the theme at once and for later visits. */
export function setTheme(theme: Theme): void {
  if (theme === "system") {
    delete document.documentElement.dataset.theme;
    localStorage.removeItem(STORED);
  } else {
    document.documentElement.dataset.theme = theme;
    localStorage.setItem(STORED, theme);
  }
  for (const tell of listeners) tell();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, readTheme);
}
