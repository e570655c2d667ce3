/** Begins a trial, before anything is read. */
import { muteLive } from "../api/live.ts";
import type { TrialState } from "./read-trial.ts";
import { rehearse } from "./rehearse.ts";

export function start(state: TrialState): void {
  // The stream would bring what is to be kept back.
  muteLive(state === "stale");
  rehearse(state);
}
