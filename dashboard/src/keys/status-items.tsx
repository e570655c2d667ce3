import { Ban, CirclePause, CirclePlay, Trash2 } from "lucide-react";
import { useTranslations } from "use-intl";
import type { ApiKey } from "../api/queries.ts";
import { MenuItem, MenuLine } from "../ui/menu.tsx";
import type { Acting } from "./actions.tsx";

export interface StatusItemsProps {
  readonly status: ApiKey["attributes"]["status"];
  readonly act: (kind: Acting["kind"]) => () => void;
}

/** What stops a key or an agent, and what lets it work again. */
export function StatusItems({ status, act }: StatusItemsProps) {
  const t = useTranslations("keys");
  return (
    <>
      <MenuLine />
      {status === "active" ? (
        <MenuItem icon={CirclePause} onSelect={act("deactivate")}>
          {t("deactivate")}
        </MenuItem>
      ) : null}
      {status === "inactive" || status === "revoked" ? (
        <MenuItem icon={CirclePlay} onSelect={act("activate")}>
          {t("activate")}
        </MenuItem>
      ) : null}
      {status === "revoked" ? null : (
        <MenuItem icon={Ban} danger onSelect={act("revoke")}>
          {t("revoke")}
        </MenuItem>
      )}
      <MenuItem icon={Trash2} danger onSelect={act("delete")}>
        {t("delete")}
      </MenuItem>
    </>
  );
}
