import { includesRole, type Role } from "@claviger/shared/api/role-rank";
import { useQuery } from "@tanstack/react-query";
import { ShieldCheck } from "lucide-react";
import { useTranslations } from "use-intl";
import { membersQuery } from "../api/queries.ts";
import { useSession } from "../shell/session.ts";
import { Icon } from "./icon.tsx";

/** In place of what one's role does not open: which role it needs, and who can give it. */
export function Forbidden({ needs }: { needs: Role }) {
  const t = useTranslations("problem");
  const shell = useTranslations("shell");
  const { role: mine } = useSession();
  const { data: members = [] } = useQuery(membersQuery);
  const giver = needs === "owner" ? "owner" : "admin";
  const givers = members
    .filter(({ attributes }) => attributes.enabled && includesRole(attributes.role, giver))
    .map(({ attributes }) => `${attributes.name} (${shell(`role.${attributes.role}`)})`);
  return (
    <section className="panel plain-empty" role="alert">
      <div>
        <p className="flex items-center gap-2">
          <Icon of={ShieldCheck} />
          <b>{t("needsRole", { role: shell(`role.${needs}`), mine: shell(`role.${mine}`) })}</b>
        </p>
        <p>{givers.length === 0 ? t("forbidden") : t("givers", { names: givers.slice(0, 5).join(", ") })}</p>
      </div>
    </section>
  );
}
