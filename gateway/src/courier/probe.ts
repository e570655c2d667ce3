/**
 * Whether the other end of a connection still answers. A server that is frozen, or a way that swallows everything, keeps
 * its connections open, and what is pushed over them is lost without a word: only silence tells. One small question a
 * second goes to the server alone and never to the control plane, so that a fleet's silence is noticed in three seconds
 * and costs nobody a transaction.
 */
/** The server answers at once; a call of the protocol has 3 s (PROTOCOL §2.4). */
const TIMES = { everyMs: 1_000, silentMs: 2_000 };

/**
 * Asks until `stop` is aborted, one question at a time. `silent` is called when one has had no answer for 2 s, and `back`
 * when that one is answered after all; a question that fails because the connection was lost says neither.
 */
export async function watchSilence(
  ask: () => Promise<void>,
  on: { silent(): void; back(): void },
  stop: AbortSignal,
  { everyMs, silentMs } = TIMES,
): Promise<void> {
  while (!stop.aborted) {
    if (!(await passed(everyMs, stop))) return;
    let outcome: "answered" | "failed" | undefined;
    const ended = ask().then(
      () => {
        outcome = "answered";
      },
      () => {
        outcome = "failed";
      },
    );
    await Promise.race([ended, passed(silentMs, stop)]);
    // After a pause of this process an answer may be there that nobody has read yet.
    for (let n = 0; n < 2 && outcome === undefined; n++) await passed(0, stop);
    if (stop.aborted) return;
    if (outcome !== undefined) continue;
    on.silent();
    await Promise.race([ended, aborted(stop)]);
    if (outcome === "answered" && !stop.aborted) on.back();
  }
}

/** True after `ms`, false when it was stopped before. */
function passed(ms: number, stop: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (outcome: boolean) => {
      clearTimeout(timer);
      stop.removeEventListener("abort", stopped);
      resolve(outcome);
    };
    const stopped = () => end(false);
    const timer = setTimeout(() => end(true), ms);
    stop.addEventListener("abort", stopped);
    if (stop.aborted) stopped();
  });
}

function aborted(stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stop.aborted) resolve();
    else stop.addEventListener("abort", () => resolve(), { once: true });
  });
}
