/** Every NATS subject and every URL path between control plane and gateway, once. */

/** As a replica sees them, inside its organization's account. */
export const replicaSubjects = {
  deltas: "dn.d",
  /** Pokes and queries for one replica. */
  own: (replica: string) => `dn.gw.${replica}`,
  heartbeat: (replica: string) => `up.${replica}.hb`,
  sync: (replica: string) => `up.${replica}.sync`,
  page: (replica: string) => `up.${replica}.page`,
  usage: (replica: string) => `up.${replica}.use`,
  escrow: (replica: string) => `up.${replica}.esc`,
  /** Where the answer to query `id` of control-plane process `cp` goes. */
  answer: (replica: string, cp: string, id: string) => `up.${replica}.ans.${cp}.${id}`,
} as const;

/** As the control plane's account sees them; `account` is the organization's NATS account public key. */
export const controlSubjects = {
  deltas: (account: string) => `dn.${account}.d`,
  own: (account: string, replica: string) => `dn.${account}.gw.${replica}`,
  heartbeats: "up.*.*.hb",
  syncs: "up.*.*.sync",
  pages: "up.*.*.page",
  usage: "up.*.*.use",
  escrow: "up.*.*.esc",
  answers: (cp: string) => `up.*.*.ans.${cp}.*`,
} as const;

/** Account and replica as the server stamped them; undefined when the subject is not an upward one. */
export function senderOf(subject: string): { account: string; replica: string } | undefined {
  const [up, account, replica] = subject.split(".");
  if (up !== "up" || account === undefined || replica === undefined) return undefined;
  return { account, replica };
}

/** The HTTPS courier, on the control plane's port. */
export const courierPaths = {
  enrol: "/gateway/v1/enrol",
  heartbeat: "/gateway/v1/heartbeat",
  sync: "/gateway/v1/sync",
  page: (sha256: string) => `/gateway/v1/pages/${sha256}`,
  usage: "/gateway/v1/usage",
  escrow: "/gateway/v1/escrow",
  wait: "/gateway/v1/wait",
} as const;

/** What stands on `own`: a bare poke, or a query's JWS. */
export const POKE = "poke";
