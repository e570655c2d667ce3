/** What a replica does when it sees two signed histories under one epoch. */
import type { ReplicaEffect, ReplicaState } from "./replica-state.ts";

/** What is held stays and grows old; it is complained about, and only a whole snapshot leads on. */
export function fork(state: ReplicaState, rev: number): ReplicaEffect[] {
  state.forked = true;
  state.buffer.clear();
  state.nack = { rev, code: "fork", detail: `the chain after revision ${state.at.rev} is another one` };
  return [{ type: "alarm", code: "fork" }, { type: "speak" }, { type: "sync", from: state.at, whole: true }];
}
