import { useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { useKeyboard } from "./keyboard.ts";

const Palette = lazy(async () => ({ default: (await import("./palette.tsx")).Palette }));
const Help = lazy(async () => ({ default: (await import("./help.tsx")).Help }));

/** After `g` the next key within this long says where to go. */
const CHORD_MS = 1_000;

const places = { k: "/keys", g: "/gateways", p: "/projects", u: "/usage", l: "/logs", a: "/audit" } as const;

/** The keys that work on every page, and what they open. */
export function useShortcuts() {
  const navigate = useNavigate();
  const [open, setOpen] = useState<"palette" | "help" | null>(null);
  const pressedGAtMs = useRef(0);
  const go = (name: keyof typeof places) => () => {
    if (Date.now() - pressedGAtMs.current < CHORD_MS) void navigate({ to: places[name] });
    else if (name === "g") pressedGAtMs.current = Date.now();
  };
  useKeyboard({
    "?": () => setOpen("help"),
    k: go("k"),
    g: go("g"),
    p: go("p"),
    u: go("u"),
    l: go("l"),
    a: go("a"),
  });
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !(event.metaKey || event.ctrlKey)) return;
      event.preventDefault();
      setOpen("palette");
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
  const close = () => setOpen(null);
  const dialog = (
    <Suspense>
      {open === "palette" ? <Palette onClose={close} /> : open === "help" ? <Help onClose={close} /> : null}
    </Suspense>
  );
  return { dialog, openPalette: () => setOpen("palette") };
}
