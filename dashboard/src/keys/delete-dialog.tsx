import { type FormEvent, useId, useState } from "react";
import { useTranslations } from "use-intl";
import type { ApiKey } from "../api/queries.ts";
import { useChange } from "../changes/use-change.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";
import { useNow } from "../ui/now.tsx";
import { Problem } from "../ui/problem.tsx";
import { span } from "../words/format.ts";
import type { ActionProps } from "./actions.tsx";
import { pathOf } from "./path.ts";

const DAY_MS = 86_400_000;

/** Deletes for good. A key that is in use is only deleted by who types its name. */
export function DeleteDialog({ apiKey, onClose, onMade }: ActionProps) {
  const t = useTranslations("keyChange");
  const keys = useTranslations("keys");
  const ui = useTranslations("ui");
  const id = useId();
  const now = useNow();
  const [typed, setTyped] = useState("");
  const { busy, error, change } = useChange<ApiKey>();
  const { name, ownerName, lastUsedAt } = apiKey.attributes;
  const agoMs = lastUsedAt === null ? Number.POSITIVE_INFINITY : now - Date.parse(lastUsedAt);
  const used = agoMs < DAY_MS;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const answer = await change("DELETE", pathOf(apiKey));
    const operation = answer?.meta.operation;
    if (operation) onMade({ title: t("deletedTitle", { name }), direction: "refuse", operation, apiKey });
  };
  const footer = (
    <>
      <span className="note" />
      <Button onClick={onClose}>{ui("cancel")}</Button>
      <Button
        type="submit"
        form={id}
        kind="danger-solid"
        busy={busy}
        disabled={busy || (used && typed !== name)}
      >
        {keys("delete")}
      </Button>
    </>
  );
  return (
    <Dialog
      title={t(apiKey.type === "agent" ? "deleteAgentTitle" : "deleteTitle")}
      onClose={onClose}
      footer={footer}
      width={480}
    >
      <form className="form pt-0!" id={id} onSubmit={(event) => void submit(event)}>
        {error === null ? null : <Problem error={error} />}
        <p>{t("deleteText", { name })}</p>
        {used ? (
          <>
            <p className="soft">{t("deleteUsed", { ago: span(agoMs), owner: ownerName })}</p>
            <TextField
              id={`${id}-name`}
              label={t("typeName")}
              value={typed}
              autoComplete="off"
              onChange={(event) => setTyped(event.target.value)}
            />
          </>
        ) : (
          <p className="soft">{t("deleteUnused", { owner: ownerName })}</p>
        )}
      </form>
    </Dialog>
  );
}
