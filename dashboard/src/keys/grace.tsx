import type { OperationView } from "@claviger/shared/sync/operation";
import { useQueryClient } from "@tanstack/react-query";
import { Hourglass } from "lucide-react";
import { useState } from "react";
import { useTranslations } from "use-intl";
import type { ApiKey } from "../api/queries.ts";
import { ChangeSheet } from "../changes/change-sheet.tsx";
import { useChange } from "../changes/use-change.ts";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { Problem } from "../ui/problem.tsx";
import { exact } from "../words/format.ts";
import { pathOf } from "./path.ts";

/** While the secret before the last rotation still works: until when, and a way to end it now. */
export function Grace({ apiKey, may }: { apiKey: ApiKey; may: boolean }) {
  const t = useTranslations("keyChange");
  const client = useQueryClient();
  const { busy, error, change } = useChange<ApiKey>();
  const [ended, setEnded] = useState<OperationView | null>(null);
  const { graceEndsAt, name } = apiKey.attributes;
  const end = async () => {
    const answer = await change("POST", `${pathOf(apiKey)}/rotation/end`);
    setEnded(answer?.meta.operation ?? null);
    void client.invalidateQueries({ queryKey: ["api-keys"] });
  };
  return (
    <>
      {error === null ? null : <Problem error={error} />}
      {graceEndsAt === null ? null : (
        <div className="banner warning mb-4">
          <Icon of={Hourglass} />
          <p className="flex-1">{t("graceRunning", { at: exact(graceEndsAt) })}</p>
          {may ? (
            <Button small busy={busy} disabled={busy} onClick={() => void end()}>
              {t("endGrace")}
            </Button>
          ) : null}
        </div>
      )}
      {ended === null ? null : (
        <ChangeSheet
          title={t("rotateTitle", { name })}
          direction="refuse"
          operation={ended}
          onClose={() => setEnded(null)}
        />
      )}
    </>
  );
}
