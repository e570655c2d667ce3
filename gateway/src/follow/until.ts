/** Waiting for something to become true: asked again whenever something changed, and not longer than said. */

export interface Condition {
  /** Asks everybody who waits whether it is true now. */
  changed(): void;
  /** True as soon as `isTrue` says so, false after `ms`. */
  until(isTrue: () => boolean, ms: number): Promise<boolean>;
}

export function createCondition(): Condition {
  const waiting = new Set<() => void>();
  return {
    changed() {
      for (const ask of [...waiting]) ask();
    },
    until(isTrue, ms) {
      if (isTrue()) return Promise.resolve(true);
      return new Promise((resolve) => {
        const end = (outcome: boolean) => {
          clearTimeout(timer);
          waiting.delete(ask);
          resolve(outcome);
        };
        const ask = () => {
          if (isTrue()) end(true);
        };
        const timer = setTimeout(() => end(false), ms);
        waiting.add(ask);
      });
    },
  };
}
