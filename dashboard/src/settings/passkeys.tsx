import type { Resource } from "@claviger/shared/api/resource";
import type { PasskeyView } from "@claviger/shared/api/sign-in";
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { ask } from "../api/client.ts";
import { useChange } from "../changes/use-change.ts";
import { addPasskey, hasPasskeys } from "../shell/webauthn.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { type DataColumn, DataTable } from "../ui/data-table.tsx";
import { TextField } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { Loaded } from "../ui/loaded.tsx";
import { Nothing } from "../ui/nothing.tsx";
import { Day, LastUsed } from "../ui/now.tsx";
import { Problem } from "../ui/problem.tsx";

type Passkey = Resource<PasskeyView>;

const passkeysQuery = queryOptions({
  queryKey: ["passkeys"],
  queryFn: async ({ signal }) => (await ask<Passkey[]>("GET", "/passkeys", { signal })).data,
  staleTime: 10_000,
});

/** One's own passkeys. */
export function PasskeyTable() {
  const t = useTranslations("security");
  const query = useQuery(passkeysQuery);
  const client = useQueryClient();
  const [adding, setAdding] = useState(false);
  const { error, change } = useChange();
  const remove = async ({ id }: Passkey) => {
    await change("DELETE", `/passkeys/${id}`);
    await client.invalidateQueries({ queryKey: passkeysQuery.queryKey });
  };
  const actions: DataColumn<Passkey> = {
    id: "actions",
    head: <span className="sr">{t("passkeys")}</span>,
    width: 52,
    right: true,
    cell: (passkey) => {
      const label = t("deletePasskey", { name: passkey.attributes.name });
      return <IconButton tiny icon={Trash2} label={label} onClick={() => void remove(passkey)} />;
    },
  };
  const facts = useFacts();
  return (
    <section aria-labelledby="passkeys">
      <h2 id="passkeys">{t("passkeys")}</h2>
      <div className="mt-1 mb-3 flex items-center gap-3">
        <p className="soft">{hasPasskeys() ? t("passkeysLead") : t("noPasskeysHere")}</p>
        <span className="grow" />
        <Button icon={Plus} disabled={!hasPasskeys()} onClick={() => setAdding(true)}>
          {t("addPasskey")}
        </Button>
      </div>
      {error === null ? null : <Problem error={error} />}
      <Loaded query={query}>
        {(passkeys) =>
          passkeys.length === 0 ? (
            <Nothing title={t("noPasskeys")} text={t("noPasskeysText")} />
          ) : (
            <DataTable
              label={t("passkeys")}
              rows={passkeys}
              rowKey={({ id }) => id}
              columns={[...facts, actions]}
            />
          )
        }
      </Loaded>
      {adding ? <AddPasskey onClose={() => setAdding(false)} /> : null}
    </section>
  );
}

function AddPasskey({ onClose }: { onClose: () => void }) {
  const t = useTranslations("security");
  const client = useQueryClient();
  const add = async (form: FormData) => {
    try {
      await addPasskey(String(form.get("name")).trim());
    } catch (error) {
      // Declined at the device: the form stays as it is.
      if (error instanceof DOMException) throw new Error(t("given"), { cause: error });
      throw error;
    }
    await client.invalidateQueries({ queryKey: passkeysQuery.queryKey });
    onClose();
  };
  return (
    <FormDialog
      title={t("addPasskey")}
      submit={t("addPasskey")}
      onClose={onClose}
      onSubmit={add}
      fields={["name"]}
    >
      {(errorOf) => (
        <TextField
          id="passkey-name"
          name="name"
          label={t("passkeyName")}
          hint={t("passkeyNameHint")}
          error={errorOf("name")}
          maxLength={128}
          autoComplete="off"
          required
        />
      )}
    </FormDialog>
  );
}

function useFacts(): DataColumn<Passkey>[] {
  const t = useTranslations("security");
  return [
    { id: "name", head: t("colName"), cell: ({ attributes }) => attributes.name },
    {
      id: "kind",
      head: t("colKind"),
      width: 140,
      cell: ({ attributes }) => t(attributes.synced ? "synced" : "oneDevice"),
    },
    {
      id: "created",
      head: t("colCreated"),
      width: 120,
      className: "num",
      cell: ({ attributes }) => <Day at={attributes.createdAt} />,
    },
    {
      id: "used",
      head: t("colUsed"),
      width: 120,
      className: "num",
      cell: ({ attributes }) => <LastUsed at={attributes.lastUsedAt} />,
    },
  ];
}
