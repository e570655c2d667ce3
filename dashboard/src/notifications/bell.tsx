import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Bell as BellIcon } from "lucide-react";
import { useTranslations } from "use-intl";
import { Icon } from "../ui/icon.tsx";
import { toldQuery } from "./queries.ts";

/** The way to what was told; a dot while there is something that was not seen. */
export function Bell() {
  const t = useTranslations("notifications");
  const { data } = useQuery(toldQuery);
  const count = data?.meta.unseen ?? 0;
  const label = t("bell", { count });
  return (
    <Link
      to="/notifications"
      className={count === 0 ? "icon-btn" : "icon-btn dot-badge"}
      aria-label={label}
      title={label}
    >
      <Icon of={BellIcon} />
    </Link>
  );
}
