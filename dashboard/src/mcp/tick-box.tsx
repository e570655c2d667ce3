import { type ReactNode, useEffect, useRef } from "react";
import type { Tick } from "./picked.ts";

export interface TickBoxProps {
  readonly tick: Tick;
  readonly onChange: (on: boolean) => void;
  readonly children: ReactNode;
}

/** A labelled box with three states; a click on a mixed one ticks it. */
export function TickBox({ tick, onChange, children }: TickBoxProps) {
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (box.current !== null) box.current.indeterminate = tick === "some";
  }, [tick]);
  return (
    <label>
      <input
        ref={box}
        type="checkbox"
        className={`check${tick === "some" ? " mixed" : ""}`}
        checked={tick === "all"}
        onChange={() => onChange(tick !== "all")}
      />
      {children}
    </label>
  );
}
