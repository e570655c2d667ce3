/** `/models`: what models cost, and the names that callers may use for them. */
import { Link, Outlet } from "@tanstack/react-router";
import { useTranslations } from "use-intl";
import { PageHead } from "../shell/page-head.tsx";

const current = { "aria-current": "page" } as const;

export function ModelsPage() {
  const t = useTranslations("models");
  return (
    <>
      <PageHead title={t("title")} lead={t("lead")} />
      <nav className="tabs mb-4 px-0!" aria-label={t("sections")}>
        <Link to="/models" activeOptions={{ exact: true, includeSearch: false }} activeProps={current}>
          {t("catalogue")}
        </Link>
        <Link to="/models/aliases" activeProps={current}>
          {t("aliases")}
        </Link>
      </nav>
      <Outlet />
    </>
  );
}
