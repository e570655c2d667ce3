import { useNavigate } from "@tanstack/react-router";
import { CalendarPlus, Copy, Eye, Pencil, RotateCw, Timer } from "lucide-react";
import { useTranslations } from "use-intl";
import type { ApiKey } from "../api/queries.ts";
import { MenuItem } from "../ui/menu.tsx";
import { useToast } from "../ui/toast.tsx";
import type { Acting } from "./actions.tsx";
import { StatusItems } from "./status-items.tsx";

export interface ActionItemsProps {
  readonly apiKey: ApiKey;
  readonly may: boolean;
  readonly onAct: (acting: Acting) => void;
}

/** Everything that can be done with a key in its state; what its state or one's role refuses is not offered. */
export function ActionItems({ apiKey, may, onAct }: ActionItemsProps) {
  const t = useTranslations("keys");
  const toast = useToast();
  const navigate = useNavigate();
  const { status } = apiKey.attributes;
  const act = (kind: Acting["kind"]) => () => onAct({ kind, apiKey });
  const copyId = () => {
    navigator.clipboard.writeText(apiKey.id).then(
      () => toast(t("copiedId")),
      () => toast(apiKey.id),
    );
  };
  return (
    <>
      <MenuItem
        icon={Eye}
        onSelect={() => void navigate({ to: "/keys/$keyId", params: { keyId: apiKey.id } })}
      >
        {t("view")}
      </MenuItem>
      <MenuItem icon={Copy} onSelect={copyId}>
        {t("copyId")}
      </MenuItem>
      {may ? (
        <>
          <MenuItem icon={status === "expired" ? CalendarPlus : Pencil} onSelect={act("edit")}>
            {status === "expired" ? t("extend") : t("edit")}
          </MenuItem>
          {status === "active" ? (
            <MenuItem icon={RotateCw} onSelect={act("rotate")}>
              {t("rotate")}
            </MenuItem>
          ) : null}
          {status === "active" ? (
            <MenuItem icon={Timer} onSelect={act("ephemeral")}>
              {t("ephemeral")}
            </MenuItem>
          ) : null}
          <StatusItems status={status} act={act} />
        </>
      ) : null}
    </>
  );
}
