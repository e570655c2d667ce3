import { Link, Outlet } from "@tanstack/react-router";
import { useTranslations } from "use-intl";
import { PageHead } from "../shell/page-head.tsx";
import { useMay } from "../shell/session.ts";

const current = { "aria-current": "page" } as const;

/** `/settings`: what is one's own. */
export function SettingsPage() {
  const t = useTranslations("settings");
  const admin = useMay("admin");
  return (
    <>
      <PageHead title={t("title")} lead={t("lead")} />
      <nav className="tabs mb-4 px-0!" aria-label={t("sections")}>
        <Link to="/settings/sessions" activeProps={current}>
          {t("sessions")}
        </Link>
        <Link to="/settings/tokens" activeProps={current}>
          {t("tokens")}
        </Link>
        <Link to="/settings/security" activeProps={current}>
          {t("security")}
        </Link>
        {admin ? (
          <Link to="/settings/sso" activeProps={current}>
            {t("sso")}
          </Link>
        ) : null}
        <Link to="/settings/appearance" activeProps={current}>
          {t("appearance")}
        </Link>
      </nav>
      <Outlet />
    </>
  );
}
