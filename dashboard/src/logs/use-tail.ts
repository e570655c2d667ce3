import { useState } from "react";
import type { Tail } from "./record-filters.tsx";

/** A live tail, kept in the address; pausing it is of the moment. */
export function useTail(live: string | undefined, set: (name: string, value: string) => void): Tail {
  const [paused, setPaused] = useState(false);
  const onLive = (on: boolean) => {
    setPaused(false);
    set("live", on ? "on" : "");
  };
  return { live: live === "on", paused, onLive, onPaused: setPaused };
}
