/** `/projects`: what holds LLM keys and the API keys that may use them. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleCheck, CirclePause, Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { type Project, projectsQuery } from "../api/queries.ts";
import { PageHead } from "../shell/page-head.tsx";
import { useMay } from "../shell/session.ts";
import { Button } from "../ui/button.tsx";
import { DataTable } from "../ui/data-table.tsx";
import { Icon } from "../ui/icon.tsx";
import { Loaded } from "../ui/loaded.tsx";
import { MenuItem, MenuLine } from "../ui/menu.tsx";
import { Day } from "../ui/now.tsx";
import { RowMenu, RowMenuButton, useRowMenu } from "../ui/row-menu.tsx";
import { dollars } from "../words/format.ts";
import { type ProjectActing, ProjectAction } from "./actions.tsx";

export function ProjectsPage() {
  const t = useTranslations("projects");
  const admin = useMay("admin");
  const query = useQuery(projectsQuery);
  const [acting, setActing] = useState<ProjectActing | null>(null);
  const add = (
    <Button kind="primary" icon={Plus} onClick={() => setActing({ kind: "add" })}>
      {t("add")}
    </Button>
  );
  return (
    <>
      <PageHead title={t("title")} lead={t("lead")} actions={admin ? add : undefined} />
      <Loaded query={query}>
        {(projects) => <ProjectTable projects={projects} onAct={admin ? setActing : undefined} />}
      </Loaded>
      {acting === null ? null : <ProjectAction acting={acting} onClose={() => setActing(null)} />}
    </>
  );
}

interface ProjectTableProps {
  readonly projects: readonly Project[];
  readonly onAct: ((acting: ProjectActing) => void) | undefined;
}

function ProjectTable({ projects, onAct }: ProjectTableProps) {
  const t = useTranslations("projects");
  const form = useTranslations("keyForm");
  const budgetOf = ({ attributes: { budgetUsd, budgetPeriod } }: Project) =>
    budgetUsd === null ? t("noBudget") : `${dollars(budgetUsd)} ${form(budgetPeriod ?? "total")}`;
  const menu = useRowMenu<Project>();
  return (
    <>
      <DataTable
        label={t("title")}
        rows={projects}
        rowKey={({ id }) => id}
        columns={[
          {
            id: "name",
            head: t("colName"),
            cell: ({ id, attributes }) => (
              <Link to="/projects/$projectId/api-access/api-keys" params={{ projectId: id }}>
                {attributes.name}
              </Link>
            ),
          },
          {
            id: "state",
            head: t("colState"),
            width: 130,
            cell: ({ attributes }) => <ProjectState enabled={attributes.enabled} />,
          },
          { id: "budget", head: t("colBudget"), width: 180, className: "num", cell: budgetOf },
          {
            id: "created",
            head: t("colCreated"),
            width: 120,
            className: "num",
            cell: ({ attributes }) => <Day at={attributes.createdAt} />,
          },
          {
            id: "actions",
            head: <span className="sr">{t("edit")}</span>,
            width: 52,
            right: true,
            cell: (project) =>
              onAct === undefined ? null : (
                <RowMenuButton
                  handle={menu}
                  row={project}
                  label={t("more", { name: project.attributes.name })}
                />
              ),
          },
        ]}
      />
      <RowMenu handle={menu}>{(project) => <Items project={project} onAct={onAct} />}</RowMenu>
    </>
  );
}

function ProjectState({ enabled }: { enabled: boolean }) {
  const t = useTranslations("projects");
  return (
    <span className={`st ${enabled ? "active" : "inactive"}`}>
      <Icon of={enabled ? CircleCheck : CirclePause} small />
      {enabled ? t("enabled") : t("disabled")}
    </span>
  );
}

function Items({ project, onAct }: Pick<ProjectTableProps, "onAct"> & { project: Project }) {
  const t = useTranslations("projects");
  return (
    <>
      <MenuItem icon={Pencil} onSelect={() => onAct?.({ kind: "edit", project })}>
        {t("edit")}
      </MenuItem>
      <MenuLine />
      <MenuItem icon={Trash2} danger onSelect={() => onAct?.({ kind: "delete", project })}>
        {t("delete")}
      </MenuItem>
    </>
  );
}
