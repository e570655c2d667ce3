import { Link } from "@tanstack/react-router";
import { useTranslations } from "use-intl";

export function NotFound() {
  const t = useTranslations("problem");
  return (
    <div className="plain-empty">
      <div>
        <b>{t("unknownPage")}</b>
        <p>{t("unknownPageNext")}</p>
      </div>
      <Link className="btn" to="/keys">
        {t("toKeys")}
      </Link>
    </div>
  );
}
