/** The organization's own names for models. */
import { useQuery } from "@tanstack/react-query";
import { Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { projectsQuery } from "../api/queries.ts";
import { useMay } from "../shell/session.ts";
import { Button } from "../ui/button.tsx";
import { type DataColumn, DataTable } from "../ui/data-table.tsx";
import { Loaded } from "../ui/loaded.tsx";
import { MenuItem, MenuLine } from "../ui/menu.tsx";
import { Nothing } from "../ui/nothing.tsx";
import { RowMenu, RowMenuButton, useRowMenu } from "../ui/row-menu.tsx";
import { type AliasActing, AliasAction } from "./alias-action.tsx";
import { aliasesQuery, type ModelAlias } from "./queries.ts";

export function Aliases() {
  const t = useTranslations("models");
  const query = useQuery(aliasesQuery);
  const admin = useMay("admin");
  const [acting, setActing] = useState<AliasActing | null>(null);
  return (
    <>
      <div className="mb-3 flex items-center gap-3">
        <p className="soft grow">{t("aliasLead")}</p>
        {!admin ? null : (
          <Button kind="primary" icon={Plus} onClick={() => setActing({ kind: "add" })}>
            {t("addAlias")}
          </Button>
        )}
      </div>
      <Loaded query={query}>
        {(aliases) =>
          aliases.length === 0 ? (
            <Nothing title={t("noAliases")} text={t("noAliasesText")} />
          ) : (
            <AliasTable aliases={aliases} onAct={admin ? setActing : undefined} />
          )
        }
      </Loaded>
      {acting === null ? null : <AliasAction acting={acting} onClose={() => setActing(null)} />}
    </>
  );
}

interface TableProps {
  readonly aliases: readonly ModelAlias[];
  readonly onAct: ((acting: AliasActing) => void) | undefined;
}

function AliasTable({ aliases, onAct }: TableProps) {
  const t = useTranslations("models");
  const { data: projects = [] } = useQuery(projectsQuery);
  const menu = useRowMenu<ModelAlias>();
  const projectName = (id: string | null) =>
    id === null ? t("everyProject") : (projects.find((one) => one.id === id)?.attributes.name ?? id);
  const facts: DataColumn<ModelAlias>[] = [
    {
      ...{ id: "name", head: t("colName"), width: 220 },
      cell: ({ attributes: { name } }) => (
        <span className="cut mono" title={name}>
          {name}
        </span>
      ),
    },
    {
      id: "targets",
      head: t("colTargets"),
      className: "max-[639px]:col-span-full",
      cell: (alias) => <Targets alias={alias} />,
    },
    {
      ...{ id: "project", head: t("colProject"), width: 180 },
      cell: ({ attributes }) => projectName(attributes.projectId),
    },
  ];
  const actions: DataColumn<ModelAlias> = {
    id: "actions",
    head: <span className="sr">{t("edit")}</span>,
    width: 52,
    right: true,
    className: "c-acts st-cell",
    cell: (alias) => (
      <RowMenuButton handle={menu} row={alias} label={t("more", { name: alias.attributes.name })} />
    ),
  };
  return (
    <>
      <DataTable
        label={t("aliases")}
        rows={aliases}
        rowKey={({ id }) => id}
        columns={onAct === undefined ? facts : [...facts, actions]}
      />
      {onAct === undefined ? null : (
        <RowMenu handle={menu}>{(alias) => <Items alias={alias} onAct={onAct} />}</RowMenu>
      )}
    </>
  );
}

function Items({ alias, onAct }: { alias: ModelAlias; onAct: (acting: AliasActing) => void }) {
  const t = useTranslations("models");
  return (
    <>
      <MenuItem icon={Pencil} onSelect={() => onAct({ kind: "edit", alias })}>
        {t("edit")}
      </MenuItem>
      <MenuLine />
      <MenuItem icon={Trash2} danger onSelect={() => onAct({ kind: "delete", alias })}>
        {t("delete")}
      </MenuItem>
    </>
  );
}

function Targets({ alias }: { alias: ModelAlias }) {
  const t = useTranslations("models");
  const { targets, unserved } = alias.attributes;
  return (
    <span className="flex min-w-0 flex-wrap items-center gap-1.5 py-1">
      {targets.map((target) => {
        const served = !unserved.includes(target);
        return (
          <span
            key={target}
            className={`tag mono cut${served ? "" : " bad"}`}
            title={served ? target : t("unserved")}
          >
            {target}
          </span>
        );
      })}
    </span>
  );
}
