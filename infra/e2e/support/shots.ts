/** What the load worker (load-worker.ts) and the tests say to each other. Instants are process.hrtime, which all threads share. */

/** One stream of requests: a gateway, a credential, a model, and how many a second are fired whatever comes back. */
export interface Aim {
  readonly tag: string;
  readonly gateway: string;
  readonly url: string;
  readonly secret: string;
  readonly model: string;
  readonly perSecond: number;
}

/** One request: when it was begun and what came of it. Status 0 is a failed connection. */
export interface Shot {
  readonly tag: string;
  readonly gateway: string;
  readonly startedNs: bigint;
  readonly finishedNs: bigint;
  readonly status: number;
  /** `error.code` of a refusal. */
  readonly code: string | null;
}

export type ToWorker =
  | { readonly kind: "aim"; readonly aims: readonly Aim[] }
  /** Answer `reached` when each aim whose tag is listed has so many finished shots begun after `afterNs`, of that status if given. */
  | {
      readonly kind: "await";
      readonly id: number;
      readonly tags: readonly string[];
      readonly afterNs: bigint;
      readonly count: number;
      readonly status: number | null;
    }
  /** Fire no more, wait for what is in flight, answer `ceased` with every shot since the aim. */
  | { readonly kind: "cease"; readonly id: number };

export type FromWorker =
  | { readonly kind: "reached"; readonly id: number }
  | { readonly kind: "ceased"; readonly id: number; readonly shots: readonly Shot[] };
