import { type FormEvent, useId, useState } from "react";
import { useTranslations } from "use-intl";
import type { ApiKey } from "../api/queries.ts";
import { useChange } from "../changes/use-change.ts";
import { Button } from "../ui/button.tsx";
import { Choice } from "../ui/choice.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Problem } from "../ui/problem.tsx";
import type { ActionProps } from "./actions.tsx";
import { pathOf } from "./path.ts";

const graces = ["0", "3600", "86400", "604800"] as const;
type Grace = (typeof graces)[number];

/** A new secret now; the old one stops at once unless a grace is chosen. */
export function RotateDialog({ apiKey, onClose, onMade }: ActionProps) {
  const t = useTranslations("keyChange");
  const keys = useTranslations("keys");
  const ui = useTranslations("ui");
  const id = useId();
  const [grace, setGrace] = useState<Grace>("0");
  const { busy, error, change } = useChange<ApiKey>();
  const { name } = apiKey.attributes;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const body = { graceSeconds: Number(grace) };
    const answer = await change("POST", `${pathOf(apiKey)}/rotate`, { body });
    if (answer === undefined) return;
    const { operation, secretKey } = answer.meta;
    if (!operation || secretKey === undefined) return;
    const oldUntil = answer.data.attributes.graceEndsAt;
    onMade({ title: name, direction: "accept", operation, secret: secretKey, oldUntil, apiKey: answer.data });
  };
  const footer = (
    <>
      <span className="note" />
      <Button onClick={onClose}>{ui("cancel")}</Button>
      <Button type="submit" form={id} kind="primary" busy={busy} disabled={busy}>
        {keys("rotate")}
      </Button>
    </>
  );
  return (
    <Dialog title={t("rotateTitle", { name })} onClose={onClose} footer={footer} width={480}>
      <form className="form pt-0!" id={id} onSubmit={(event) => void submit(event)}>
        {error === null ? null : <Problem error={error} />}
        <p className="soft">{t("rotateText")}</p>
        <Choice
          label={t("rotateWhen")}
          value={grace}
          onChange={setGrace}
          options={graces.map((value) => ({ value, label: t(`grace${value}`) }))}
        />
      </form>
    </Dialog>
  );
}
