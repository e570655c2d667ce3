/** `npm run soak -- revoke`: 200 repetitions of each change that takes a key's admission away. */
import { RESTRICTIONS, type RestrictionName } from "../e2e/proofs/restriction.ts";
import { soakRestrictions } from "./restriction.ts";

const REPETITIONS = 200;

await soakRestrictions(Object.keys(RESTRICTIONS) as RestrictionName[], REPETITIONS);
