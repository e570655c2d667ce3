import { useQueryClient } from "@tanstack/react-query";
import { CircleAlert } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslations } from "use-intl";
import { ask, resourceBody } from "../api/client.ts";
import { type Session, sessionQuery } from "../api/queries.ts";
import { Button } from "../ui/button.tsx";
import { TextField } from "../ui/field.tsx";
import { Icon, Mark } from "../ui/icon.tsx";
import { Problem } from "../ui/problem.tsx";
import { OtherWays, rememberOrganization, singleSignOnFailure } from "./other-ways.tsx";

/** E-mail and password, or another way. `again` when a session has ended under somebody's hands. */
export function SignIn({ again }: { again: boolean }) {
  const t = useTranslations("signIn");
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const enter = (session: Session) => {
    rememberOrganization(session);
    // Whatever the member before has read is not this one's.
    client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== sessionQuery.queryKey[0] });
    client.setQueryData(sessionQuery.queryKey, session);
  };
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const attributes = { email: String(form.get("email")), password: String(form.get("password")) };
    setBusy(true);
    try {
      const { data } = await ask<Session>("POST", "/sessions", { body: resourceBody("session", attributes) });
      enter(data);
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <main className="sign-in">
      <div className="ways">
        <form onSubmit={(event) => void submit(event)}>
          <span className="brand">
            <Mark />
            Claviger
          </span>
          <h1>{t("title")}</h1>
          {again ? <p className="soft">{t("again")}</p> : null}
          {error === null ? <LedBack /> : null}
          {error === null ? null : <Problem error={error} />}
          <Credentials />
          <Button kind="primary" type="submit" busy={busy} disabled={busy}>
            {t("submit")}
          </Button>
        </form>
        <OtherWays onSession={enter} onError={setError} />
      </div>
    </main>
  );
}

function Credentials() {
  const t = useTranslations("signIn");
  return (
    <>
      <TextField
        id="email"
        name="email"
        type="email"
        label={t("email")}
        autoComplete="username"
        required
        autoFocus
      />
      <TextField
        id="password"
        name="password"
        type="password"
        label={t("password")}
        autoComplete="current-password"
        required
      />
    </>
  );
}

/** Why single sign-on has led back here. */
function LedBack() {
  const t = useTranslations("signIn");
  const failure = singleSignOnFailure();
  return failure === undefined ? null : (
    <div className="banner danger" role="alert">
      <Icon of={CircleAlert} />
      <p>{t(failure)}</p>
    </div>
  );
}
