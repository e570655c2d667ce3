/** What is looked at often, by name: one's own views of a page and those that are shared. */
import type { Resource } from "@claviger/shared/api/resource";
import type { SavedViewView } from "@claviger/shared/api/saved-view";
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { Bookmark, BookmarkPlus, ListChecks, Trash2, Users } from "lucide-react";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { ask, resourceBody } from "../api/client.ts";
import { useChange } from "../changes/use-change.ts";
import { useMay, useSession } from "../shell/session.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { Menu, MenuItem, MenuLine } from "../ui/menu.tsx";
import { Problem } from "../ui/problem.tsx";
import { RowSwitch } from "../ui/row-switch.tsx";

type SavedView = Resource<SavedViewView>;

function viewsQuery(page: string) {
  return queryOptions({
    queryKey: ["saved-views", page],
    queryFn: async ({ signal }) =>
      (await ask<SavedView[]>("GET", `/saved-views?filter[page]=${page}`, { signal })).data,
    staleTime: 30_000,
  });
}

export interface ViewsMenuProps {
  /** `keys`, `logs` … */
  readonly page: string;
  /** What would be saved: the search of the address, without pages. */
  readonly query: string;
  readonly onOpen: (query: string) => void;
}

export function ViewsMenu({ page, query, onOpen }: ViewsMenuProps) {
  const t = useTranslations("views");
  const { data: views = [] } = useQuery(viewsQuery(page));
  const [over, setOver] = useState<"save" | "manage" | null>(null);
  const close = () => setOver(null);
  return (
    <>
      <Menu
        trigger={
          <Button kind="plain" icon={Bookmark} className="not-narrow">
            {t("views")}
          </Button>
        }
      >
        {views.length === 0 ? <p className="menu-label">{t("none")}</p> : null}
        {views.map((view) => (
          <MenuItem
            key={view.id}
            icon={view.attributes.shared ? Users : Bookmark}
            onSelect={() => onOpen(view.attributes.query)}
          >
            <span className="cut">{view.attributes.name}</span>
          </MenuItem>
        ))}
        <MenuLine />
        <MenuItem icon={BookmarkPlus} onSelect={() => setOver("save")}>
          {t("save")}
        </MenuItem>
        {views.length === 0 ? null : (
          <MenuItem icon={ListChecks} onSelect={() => setOver("manage")}>
            {t("manage")}
          </MenuItem>
        )}
      </Menu>
      {over === "save" ? <SaveView page={page} query={query} onClose={close} /> : null}
      {over === "manage" ? <ManageViews views={views} onClose={close} /> : null}
    </>
  );
}

function SaveView({ page, query, onClose }: { page: string; query: string; onClose: () => void }) {
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

function ManageViews({ views, onClose }: { views: readonly SavedView[]; onClose: () => void }) {
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
