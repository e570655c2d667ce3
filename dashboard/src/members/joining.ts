/** True when the address is that of an invitation: whoever opens it need not be signed in. */
export function isJoining(): boolean {
  return location.pathname === "/dashboard/join";
}
