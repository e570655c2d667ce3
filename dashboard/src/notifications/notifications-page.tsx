/** `/notifications`: what was told, by which ways, and what for. */
import { Link, Outlet } from "@tanstack/react-router";
import { useTranslations } from "use-intl";
import { PageHead } from "../shell/page-head.tsx";

const current = { "aria-current": "page" } as const;

export function NotificationsPage() {
  const t = useTranslations("notifications");
  return (
    <>
      <PageHead title={t("title")} lead={t("lead")} />
      <nav className="tabs mb-4 px-0!" aria-label={t("sections")}>
        <Link to="/notifications" activeOptions={{ exact: true, includeSearch: false }} activeProps={current}>
          {t("told")}
        </Link>
        <Link to="/notifications/channels" activeProps={current}>
          {t("channels")}
        </Link>
        <Link to="/notifications/rules" activeProps={current}>
          {t("rules")}
        </Link>
        <Link to="/notifications/deliveries" activeProps={current}>
          {t("deliveries")}
        </Link>
      </nav>
      <Outlet />
    </>
  );
}
