/** `/projects/{id}/api-access/…`: what may be called for a project, and with what. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link, Outlet, useParams } from "@tanstack/react-router";
import { ArrowLeft, Plus } from "lucide-react";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { keysQuery, projectsQuery } from "../api/queries.ts";
import { type Acting, KeyAction } from "../keys/actions.tsx";
import { PAGE_SIZE } from "../keys/search.ts";
import { useShownColumns } from "../keys/shown-columns.ts";
import { KeyTable } from "../keys/table.tsx";
import { LlmKeys } from "../llm-keys/llm-keys-page.tsx";
import { PageHead } from "../shell/page-head.tsx";
import { useMay } from "../shell/session.ts";
import { Icon } from "../ui/icon.tsx";
import { Loaded } from "../ui/loaded.tsx";
import { Nothing } from "../ui/nothing.tsx";

export function ProjectPage() {
  const t = useTranslations("projects");
  const { projectId } = useParams({ strict: false });
  const { data: projects } = useQuery(projectsQuery);
  const name = projects?.find(({ id }) => id === projectId)?.attributes.name;
  const params = { projectId: projectId ?? "" };
  return (
    <>
      <Link className="link soft mb-3 inline-flex items-center gap-1.5" to="/projects">
        <Icon of={ArrowLeft} small />
        {t("back")}
      </Link>
      <PageHead title={name ?? projectId ?? ""} lead={t("apiAccess")} />
      <nav className="tabs mb-4 px-0!" aria-label={t("apiAccess")}>
        <Link to="/projects/$projectId/api-access/api-keys" params={params} activeProps={current}>
          {t("apiKeys")}
        </Link>
        <Link to="/projects/$projectId/api-access/llm-keys" params={params} activeProps={current}>
          {t("llmKeys")}
        </Link>
      </nav>
      <Outlet />
    </>
  );
}

const current = { "aria-current": "page" } as const;

export function ProjectApiKeys() {
  const t = useTranslations("projects");
  const { projectId = "" } = useParams({ strict: false });
  const may = useMay("member");
  const [sort, setSort] = useState("-createdAt");
  const [acting, setActing] = useState<Acting | null>(null);
  const { shown } = useShownColumns();
  const filters = {
    search: "",
    status: "",
    owner: "",
    project: projectId,
    sort,
    after: undefined,
    size: PAGE_SIZE,
  };
  const query = useQuery({ ...keysQuery(filters), placeholderData: keepPreviousData });
  const create = may ? (
    <Link className="btn btn-primary" to="/keys/new" search={{ project: projectId }}>
      <Icon of={Plus} />
      {t("createKey")}
    </Link>
  ) : null;
  return (
    <>
      <div className="mb-3 flex items-center gap-3">
        <Link className="link" to="/keys" search={{ project: projectId }}>
          {t("allKeys")}
        </Link>
        <span className="grow" />
        {create}
      </div>
      <Loaded query={query}>
        {({ data }) =>
          data.length === 0 ? (
            <Nothing title={t("noKeys")} text={t("noKeysText")} />
          ) : (
            <section className="panel keys-panel" aria-label={t("apiKeys")}>
              <div className="scroll-x">
                <KeyTable keys={data} shown={shown} sort={sort} onSort={setSort} onAct={setActing} />
              </div>
            </section>
          )
        }
      </Loaded>
      {acting === null ? null : <KeyAction acting={acting} onClose={() => setActing(null)} />}
    </>
  );
}

export function ProjectLlmKeys() {
  const { projectId } = useParams({ strict: false });
  return (
    <LlmKeys projectId={projectId}>{(add) => <div className="mb-3 flex justify-end">{add}</div>}</LlmKeys>
  );
}
