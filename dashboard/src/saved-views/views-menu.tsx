/** What is looked at often, by name: one's own views of a page and those that are shared. */
import type { Resource } from "@claviger/shared/api/resource";
import type { SavedViewView } from "@claviger/shared/api/saved-view";
import { queryOptions, useQuery } from "@tanstack/react-query";
import { Bookmark, BookmarkPlus, ListChecks, Users } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslations } from "use-intl";
import { ask } from "../api/client.ts";
import { Button } from "../ui/button.tsx";
import { Menu, MenuItem, MenuLine } from "../ui/menu.tsx";

const SaveView = lazy(async () => ({ default: (await import("./view-dialogs.tsx")).SaveView }));
const ManageViews = lazy(async () => ({ default: (await import("./view-dialogs.tsx")).ManageViews }));

export type SavedView = Resource<SavedViewView>;

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
      <Suspense>
        {over === "save" ? <SaveView page={page} query={query} onClose={close} /> : null}
        {over === "manage" ? <ManageViews views={views} onClose={close} /> : null}
      </Suspense>
    </>
  );
}
