/** `/join#token`: what a link invites to, for somebody who is not signed in. The token is never in a path, a query or a log. */
import type { InvitationView } from "@claviger/shared/api/invitation";
import type { Resource } from "@claviger/shared/api/resource";
import { type FormEvent, type ReactNode, useEffect, useState } from "react";
import { useTranslations } from "use-intl";
import { ask, resourceBody } from "../api/client.ts";
import { Button } from "../ui/button.tsx";
import { TextField } from "../ui/field.tsx";
import { Mark } from "../ui/icon.tsx";
import { Problem } from "../ui/problem.tsx";

const HOME = "/dashboard/keys";

export function JoinPage() {
  const [token] = useState(() => location.hash.slice(1));
  const [told, setTold] = useState<InvitationView | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    ask<Resource<InvitationView>>("POST", "/invitations/lookup", { body: { token } }).then(
      ({ data }) => setTold(data.attributes),
      setError,
    );
  }, [token]);
  if (told !== null) return <JoinForm token={token} invitation={told} />;
  return error === null ? null : <Dead error={error} />;
}

function Frame({
  children,
  onSubmit,
}: {
  children: ReactNode;
  onSubmit?: (event: FormEvent<HTMLFormElement>) => void;
}) {
  return (
    <main className="sign-in">
      <form onSubmit={onSubmit}>
        <span className="brand">
          <Mark />
          Claviger
        </span>
        {children}
      </form>
    </main>
  );
}

function Dead({ error }: { error: unknown }) {
  const t = useTranslations("members");
  return (
    <Frame>
      <h1>{t("joinDead")}</h1>
      <Problem error={error} />
      <a className="btn" href={HOME}>
        {t("toSignIn")}
      </a>
    </Frame>
  );
}

function JoinForm({ token, invitation }: { token: string; invitation: InvitationView }) {
  const t = useTranslations("members");
  const shell = useTranslations("shell");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const { email, role, organizationName: organization, invitedBy: by } = invitation;
  const join = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const password = String(form.get("password"));
    setBusy(true);
    setError(null);
    try {
      const name = String(form.get("name")).trim();
      await ask("POST", "/invitations/accept", { body: { token, name, password } });
      const body = resourceBody("session", { email, password });
      await ask("POST", "/sessions", { body });
      location.replace(HOME);
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <Frame onSubmit={(event) => void join(event)}>
      <h1>{t("joinTitle", { organization })}</h1>
      <p className="soft">{t("joinLead", { by, email, role: shell(`role.${role}`) })}</p>
      {error === null ? null : <Problem error={error} />}
      <TextField
        id="join-name"
        name="name"
        label={t("joinName")}
        autoComplete="name"
        maxLength={128}
        required
      />
      <TextField
        id="join-password"
        name="password"
        type="password"
        label={t("joinPassword")}
        hint={t("joinPasswordHint")}
        autoComplete="new-password"
        minLength={12}
        required
      />
      <Button kind="primary" type="submit" busy={busy} disabled={busy}>
        {t("join")}
      </Button>
    </Frame>
  );
}
