import type { SingleSignOnFailure } from "@claviger/shared/api/sign-in";
import { KeyRound, LogIn } from "lucide-react";
import { useState } from "react";
import { useTranslations } from "use-intl";
import type { Session } from "../api/queries.ts";
import { Button } from "../ui/button.tsx";
import { TextField } from "../ui/field.tsx";
import { hasPasskeys, signInByPasskey } from "./webauthn.ts";

const HELD = "claviger.organization";
const BEGIN = "/api/v1/single-sign-on/begin";

const failures = [
  "single_sign_on_not_set_up",
  "single_sign_on_unavailable",
  "single_sign_on_refused",
  "single_sign_on_expired",
  "single_sign_on_email_unverified",
  "single_sign_on_no_role",
  "single_sign_on_disabled",
] as const satisfies readonly SingleSignOnFailure[];

/** Why the provider's way led back to this page, if it did. */
export function singleSignOnFailure(): SingleSignOnFailure | undefined {
  const code = new URLSearchParams(location.search).get("signIn");
  return failures.find((failure) => failure === code);
}

/** Whose provider this browser goes to next time. */
export function rememberOrganization(session: Session): void {
  localStorage.setItem(HELD, session.attributes.organizationId);
}

interface OtherWaysProps {
  readonly onSession: (session: Session) => void;
  readonly onError: (error: unknown) => void;
}

/** Signing in without a password: a passkey, or the organization's own provider. */
export function OtherWays({ onSession, onError }: OtherWaysProps) {
  const t = useTranslations("signIn");
  const [asking, setAsking] = useState(false);
  const known = localStorage.getItem(HELD);
  const byPasskey = async () => {
    try {
      onSession(await signInByPasskey());
    } catch (error) {
      // Declined at the device: nothing has happened.
      onError(error instanceof DOMException ? null : error);
    }
  };
  const byProvider = () => {
    if (known === null) setAsking(true);
    else location.assign(`${BEGIN}?organization=${encodeURIComponent(known)}`);
  };
  return (
    <>
      <p className="soft text-center">{t("or")}</p>
      {hasPasskeys() ? (
        <Button icon={KeyRound} onClick={() => void byPasskey()}>
          {t("passkey")}
        </Button>
      ) : null}
      {asking ? (
        <OrganizationForm />
      ) : (
        <Button icon={LogIn} onClick={byProvider}>
          {t("sso")}
        </Button>
      )}
    </>
  );
}

/** A plain form: the browser goes where it leads. */
function OrganizationForm() {
  const t = useTranslations("signIn");
  return (
    <form action={BEGIN} method="get">
      <TextField
        id="organization"
        name="organization"
        label={t("organization")}
        hint={t("organizationHint")}
        pattern="org_[0-9A-Za-z]{12}"
        autoComplete="off"
        required
        autoFocus
      />
      <Button type="submit">{t("go")}</Button>
    </form>
  );
}
