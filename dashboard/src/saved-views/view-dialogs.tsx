import { useQueryClient } from "@tanstack/react-query";
import { Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { ask, resourceBody } from "../api/client.ts";
import { useChange } from "../changes/use-change.ts";
import { useMay, useSession } from "../shell/session.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { Problem } from "../ui/problem.tsx";
import { RowSwitch } from "../ui/row-switch.tsx";
import type { SavedView } from "./views-menu.tsx";

/** Keeps what the address asks for under a name. */
export function SaveView({ page, query, onClose }: { page: string; query: string; onClose: () => void }) {
  const t = useTranslations("views");
  const client = useQueryClient();
  const may = useMay("member");
  const [shared, setShared] = useState(false);
  const save = async (form: FormData) => {
    const attributes = { page, name: String(form.get("name")).trim(), query, shared };
    await ask("POST", "/saved-views", { body: resourceBody("saved-view", attributes) });
    await client.invalidateQueries({ queryKey: ["saved-views"] });
    onClose();
  };
  return (
    <FormDialog title={t("saveTitle")} submit={t("save")} onClose={onClose} onSubmit={save} fields={["name"]}>
      {(errorOf) => (
        <>
          <TextField
            id="view-name"
            name="name"
            label={t("name")}
            hint={t("what")}
            error={errorOf("name")}
            maxLength={128}
            autoComplete="off"
            required
          />
          {may ? (
            <RowSwitch label={t("shareLabel")} hint={t("shareHint")} on={shared} onChange={setShared} />
          ) : null}
        </>
      )}
    </FormDialog>
  );
}

/** Every view that one sees, and the end of those that one may end. */
export function ManageViews({ views, onClose }: { views: readonly SavedView[]; onClose: () => void }) {
  const t = useTranslations("views");
  const client = useQueryClient();
  const admin = useMay("admin");
  const { memberId } = useSession();
  const { error, change } = useChange();
  const remove = async (id: string) => {
    await change("DELETE", `/saved-views/${id}`);
    await client.invalidateQueries({ queryKey: ["saved-views"] });
  };
  const footer = (
    <>
      <span className="note" />
      <Button onClick={onClose}>{t("done")}</Button>
    </>
  );
  return (
    <Dialog title={t("manageTitle")} onClose={onClose} width={480} footer={footer}>
      <div className="body-scroll">
        {error === null ? null : <Problem error={error} />}
        {views.length === 0 ? <p className="soft">{t("none")}</p> : null}
        <ul className="results">
          {views.map(({ id, attributes }) => (
            <li key={id}>
              <b className="cut">{attributes.name}</b>
              {attributes.shared ? <span className="tag flat">{t("sharedBy")}</span> : null}
              <span className="grow" />
              {admin || attributes.ownerId === memberId ? (
                <IconButton
                  tiny
                  icon={Trash2}
                  label={t("delete", { name: attributes.name })}
                  onClick={() => void remove(id)}
                />
              ) : null}
            </li>
          ))}
        </ul>
      </div>
    </Dialog>
  );
}
