/**
 * Switches with which the dashboard is tried out: every state of every page, and words as long as another language's. They
 * stand in the storage of one browser tab, where only its own console puts them; no link and no server can.
 */

export const trialStates = ["loading", "failed", "forbidden", "empty", "partial", "stale"] as const;
export type TrialState = (typeof trialStates)[number];

export interface Trial {
  /** In which state the page is shown, whatever the API says. */
  readonly state: TrialState | undefined;
  /** Words that are longer than English. */
  readonly pseudo: boolean;
}

/** Holds `state=<TrialState>` and `pseudo`, separated by spaces. */
export const TRIAL = "claviger.trial";

export function readTrial(): Trial {
  const switches = (sessionStorage.getItem(TRIAL) ?? "").split(" ");
  return {
    state: trialStates.find((state) => switches.includes(`state=${state}`)),
    pseudo: switches.includes("pseudo"),
  };
}
