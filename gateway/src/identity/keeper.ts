/** Keeps what the control plane renews (credentials, data keys) in the identity file, one write at a time. */
import type { EnrolAnswer } from "@claviger/shared/wire/enrol";
import type { Log } from "../ports.ts";
import type { EnrolledIdentity, IdentityFile } from "./identity.ts";

export interface Keeper {
  /** Written soon; a failure is logged, and the next renewal tries again. */
  update(changes: Partial<Pick<EnrolAnswer, "natsJwt" | "dataKeys">>): void;
  /** What the replica has learnt besides; written as `update` is. */
  keep(learnt: Pick<EnrolledIdentity, "floorPart">): void;
  /** Written when it resolves: detached, and no key or credential is left. Nothing is renewed after it. */
  end(detachedAtMs: number): Promise<void>;
  /** Resolves when everything is written. */
  idle(): Promise<void>;
}

export function createKeeper(file: IdentityFile, initial: EnrolledIdentity, log: Log): Keeper {
  let identity = initial;
  let writing: Promise<void> = Promise.resolve();
  let ended = false;
  const write = (changes: Partial<EnrolledIdentity>) => {
    if (ended) return;
    identity = { ...identity, ...changes };
    writing = writing
      .then(() => file.write(identity))
      .catch((error: unknown) => log.error({ err: error }, "the renewed credentials could not be kept"));
  };
  return {
    update: (changes) => write({ enrolled: { ...identity.enrolled, ...changes } }),
    keep: (learnt) => write(learnt),
    async end(detachedAtMs) {
      ended = true;
      await writing;
      identity = {
        ...identity,
        detachedAtMs,
        nkeySeed: "",
        sealKey: { ...identity.sealKey, d: "" },
        enrolled: { ...identity.enrolled, natsJwt: "", dataKeys: [] },
      };
      await file.write(identity);
    },
    idle: () => writing,
  };
}

/** The identity of one more process: its place in the order of starts is on disk before it says anything. */
export async function startAgain(file: IdentityFile, identity: EnrolledIdentity): Promise<EnrolledIdentity> {
  const next = { ...identity, starts: identity.starts + 1 };
  await file.write(next);
  return next;
}
