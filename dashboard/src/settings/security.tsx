import { PasskeyTable } from "./passkeys.tsx";
import { SignInRules } from "./sign-in-rules.tsx";

/** `/settings/security`: one's own passkeys, and how everybody signs in. */
export function Security() {
  return (
    <div className="grid gap-8">
      <PasskeyTable />
      <SignInRules />
    </div>
  );
}
