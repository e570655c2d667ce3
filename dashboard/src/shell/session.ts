import { includesRole, type Role } from "@claviger/shared/api/role-rank";
import type { SessionView } from "@claviger/shared/api/session";
import { createContext, use } from "react";

export const SessionContext = createContext<SessionView | null>(null);

/** Who is signed in. Pages are only rendered when somebody is. */
export function useSession(): SessionView {
  const session = use(SessionContext);
  if (session === null) throw new Error("a page outside of the session");
  return session;
}

/** True when the signed-in member may do what needs this role. The API decides; this only hides what it would refuse. */
export function useMay(role: Role): boolean {
  return includesRole(useSession().role, role);
}
