import type { Resource } from "@claviger/shared/api/resource";
import type { SignInPolicyView } from "@claviger/shared/api/sign-in";
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslations } from "use-intl";
import { ask, resourceBody } from "../api/client.ts";
import { useChange } from "../changes/use-change.ts";
import { useMay } from "../shell/session.ts";
import { Button } from "../ui/button.tsx";
import { Choice } from "../ui/choice.tsx";
import { TextField } from "../ui/field.tsx";
import { Loaded } from "../ui/loaded.tsx";
import { Problem } from "../ui/problem.tsx";
import { useToast } from "../ui/toast.tsx";

const policyQuery = queryOptions({
  queryKey: ["sign-in-policy"],
  queryFn: async ({ signal }) =>
    (await ask<Resource<SignInPolicyView>>("GET", "/sign-in-policy", { signal })).data.attributes,
  staleTime: 10_000,
});

/** How members sign in and how long that lasts. Everybody may look; owners change it. */
export function SignInRules() {
  const t = useTranslations("security");
  const query = useQuery(policyQuery);
  return (
    <section aria-labelledby="sign-in-rules">
      <h2 id="sign-in-rules">{t("policy")}</h2>
      <p className="soft mt-1 mb-3">{t("policyLead")}</p>
      <Loaded query={query}>{(policy) => <RulesForm key={JSON.stringify(policy)} policy={policy} />}</Loaded>
    </section>
  );
}

function RulesForm({ policy }: { policy: SignInPolicyView }) {
  const t = useTranslations("security");
  const ui = useTranslations("ui");
  const owner = useMay("owner");
  const client = useQueryClient();
  const toast = useToast();
  const { busy, error, change } = useChange();
  const [ownSignIn, setOwnSignIn] = useState(policy.ownSignIn);
  const save = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const idle = String(form.get("idleMinutesMax")).trim();
    const attributes = {
      sessionHoursMax: Number(form.get("sessionHoursMax")),
      idleMinutesMax: idle === "" ? null : Number(idle),
      ownSignIn,
    };
    const body = resourceBody("sign-in-policy", attributes);
    if ((await change("PATCH", "/sign-in-policy", { body })) === undefined) return;
    toast(t("saved"));
    await client.invalidateQueries({ queryKey: policyQuery.queryKey });
  };
  return (
    <form className="panel form max-w-160" aria-label={t("policy")} onSubmit={(event) => void save(event)}>
      {error === null ? null : <Problem error={error} />}
      <fieldset className="contents" disabled={!owner}>
        <Times policy={policy} />
        <div className="col-span-full">
          <Choice
            label={t("ownSignIn")}
            value={ownSignIn}
            onChange={setOwnSignIn}
            options={(["everybody", "owners"] as const).map((value) => ({ value, label: t(value) }))}
          />
          <p className="hint">{t("ownSignInHint")}</p>
        </div>
      </fieldset>
      {owner ? (
        <div>
          <Button type="submit" kind="primary" busy={busy} disabled={busy}>
            {ui("save")}
          </Button>
        </div>
      ) : (
        <p className="soft col-span-full">{t("onlyOwners")}</p>
      )}
    </form>
  );
}

function Times({ policy }: { policy: SignInPolicyView }) {
  const t = useTranslations("security");
  return (
    <>
      <TextField
        id="session-hours"
        name="sessionHoursMax"
        type="number"
        min={1}
        max={720}
        required
        label={t("sessionHoursMax")}
        suffix={t("hours")}
        className="col-span-full sm:col-span-1"
        defaultValue={policy.sessionHoursMax}
      />
      <TextField
        id="idle-minutes"
        name="idleMinutesMax"
        type="number"
        min={5}
        max={43_200}
        label={t("idleMinutesMax")}
        hint={t("idleHint")}
        suffix={t("minutes")}
        className="col-span-full sm:col-span-1"
        defaultValue={policy.idleMinutesMax ?? ""}
      />
    </>
  );
}
