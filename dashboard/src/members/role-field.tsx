import { includesRole, type Role } from "@claviger/shared/api/role-rank";
import { useTranslations } from "use-intl";
import { useSession } from "../shell/session.ts";
import { Select } from "../ui/select.tsx";

export type RoleName = Role;

const roles = ["viewer", "member", "admin", "owner"] as const;

/** Roles that the signed-in member may give, each with what it opens. */
export function RoleField({ role, onChange }: { role: Role; onChange: (role: Role) => void }) {
  const t = useTranslations("members");
  const shell = useTranslations("shell");
  const { role: mine } = useSession();
  const given = roles.filter((one) => includesRole(mine, one));
  return (
    <div>
      <span className="l">{t("role")}</span>
      <Select
        label={t("role")}
        value={role}
        onChange={(value) => onChange(roles.find((one) => one === value) ?? role)}
        options={given.map((value) => ({ value, label: shell(`role.${value}`) }))}
      />
      <p className="hint">{t(`${role}Hint`)}</p>
    </div>
  );
}
