import type { Resource } from "@claviger/shared/api/resource";
import type { SingleSignOnView } from "@claviger/shared/api/sign-in";
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslations } from "use-intl";
import { ask, RequestFailed } from "../api/client.ts";
import { useChange } from "../changes/use-change.ts";
import { useMay } from "../shell/session.ts";
import { Button } from "../ui/button.tsx";
import { CopyIcon } from "../ui/copy.tsx";
import { Loaded } from "../ui/loaded.tsx";
import { Problem } from "../ui/problem.tsx";
import { ProviderForm } from "./provider-form.tsx";

const singleSignOnQuery = queryOptions({
  queryKey: ["single-sign-on"],
  queryFn: async ({ signal }) => {
    try {
      const { data } = await ask<Resource<SingleSignOnView>>("GET", "/single-sign-on", { signal });
      return data.attributes;
    } catch (error) {
      if (error instanceof RequestFailed && error.status === 404) return null;
      throw error;
    }
  },
  staleTime: 10_000,
});

/** `/settings/sso`: the organization's own OpenID provider. Admins may look; owners set it up. */
export function SingleSignOn() {
  const t = useTranslations("security");
  const query = useQuery(singleSignOnQuery);
  const client = useQueryClient();
  const read = () => client.invalidateQueries({ queryKey: singleSignOnQuery.queryKey });
  return (
    <Loaded query={query}>
      {(held) => (
        <div className="grid gap-5">
          <p className="soft">{t("ssoLead")}</p>
          {held === null ? null : <Addresses held={held} />}
          <ProviderForm key={JSON.stringify(held)} held={held} onSaved={() => void read()} />
          {held === null ? null : <Remove onDone={() => void read()} />}
        </div>
      )}
    </Loaded>
  );
}

/** What the provider and the members need to know. */
function Addresses({ held }: { held: SingleSignOnView }) {
  const t = useTranslations("security");
  return (
    <dl className="panel form max-w-160">
      {(["redirectUri", "signInUrl"] as const).map((name) => (
        <div key={name} className="col-span-full min-w-0">
          <dt className="l">{t(name)}</dt>
          <dd className="flex min-w-0 items-center gap-1">
            <span className="mono min-w-0 break-all">{held[name]}</span>
            <CopyIcon text={held[name]} label={t(name)} />
          </dd>
          <dd className="hint">{t(`${name}Hint`)}</dd>
        </div>
      ))}
    </dl>
  );
}

function Remove({ onDone }: { onDone: () => void }) {
  const t = useTranslations("security");
  const owner = useMay("owner");
  const { busy, error, change } = useChange();
  if (!owner) return null;
  const remove = async () => {
    if ((await change("DELETE", "/single-sign-on")) !== undefined) onDone();
  };
  return (
    <div className="grid max-w-160 gap-2">
      {error === null ? null : <Problem error={error} />}
      <p className="soft">{t("removeText")}</p>
      <div>
        <Button kind="danger" busy={busy} disabled={busy} onClick={() => void remove()}>
          {t("remove")}
        </Button>
      </div>
    </div>
  );
}
