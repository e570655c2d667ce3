import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useId, useState } from "react";
import { useTranslations } from "use-intl";
import type { ApiKey } from "../api/queries.ts";
import { useChange } from "../changes/use-change.ts";
import { Button } from "../ui/button.tsx";
import { Choice } from "../ui/choice.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";
import { Problem } from "../ui/problem.tsx";
import { span } from "../words/format.ts";
import type { ActionProps } from "./actions.tsx";
import { showAtOnce } from "./at-once.ts";
import { pathOf } from "./path.ts";

type Kind = "deactivate" | "activate" | "revoke";

/** Asks before a key stops or works again, says what that means, and makes the change. */
export function StopSheet({ apiKey, kind, onClose, onMade }: ActionProps & { kind: Kind }) {
  const t = useTranslations("keyChange");
  const keys = useTranslations("keys");
  const ui = useTranslations("ui");
  const id = useId();
  const [inflight, setInflight] = useState<"abort" | "drain">("abort");
  const client = useQueryClient();
  const { busy, error, change } = useChange<ApiKey>();
  const { name, maxStalenessSeconds } = apiKey.attributes;
  const title = t(`${kind}Title`, { name });
  const giving = kind === "activate";
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const reason = String(new FormData(event.currentTarget).get("reason") ?? "").trim();
    const body = { ...(reason === "" ? {} : { reason }), ...(giving ? {} : { inflight }) };
    // What takes something away is never shown before it has happened.
    const takeBack = giving ? showAtOnce(apiKey.id, { status: "active" }) : () => undefined;
    const answer = await change("POST", `${pathOf(apiKey)}/${kind}`, { body });
    if (answer === undefined) return takeBack();
    void client.invalidateQueries({ queryKey: ["api-keys"] }).then(takeBack);
    const { operation } = answer.meta;
    if (operation) onMade({ title, direction: giving ? "accept" : "refuse", operation, apiKey });
    else onClose();
  };
  const footer = (
    <>
      <span className="note" />
      <Button onClick={onClose}>{ui("cancel")}</Button>
      <Button
        type="submit"
        form={id}
        kind={kind === "revoke" ? "danger-solid" : "primary"}
        disabled={busy}
        busy={busy}
      >
        {keys(kind)}
      </Button>
    </>
  );
  return (
    <Dialog title={title} onClose={onClose} footer={footer} width={480}>
      <form className="form pt-0!" id={id} onSubmit={(event) => void submit(event)}>
        {error === null ? null : <Problem error={error} />}
        <p className="soft">
          {kind === "revoke" ? t("revokeText", { span: span(maxStalenessSeconds * 1000) }) : t(`${kind}Text`)}
        </p>
        {giving ? null : <Interruption id={id} inflight={inflight} onChange={setInflight} />}
      </form>
    </Dialog>
  );
}

interface InterruptionProps {
  readonly id: string;
  readonly inflight: "abort" | "drain";
  readonly onChange: (inflight: "abort" | "drain") => void;
}

function Interruption({ id, inflight, onChange }: InterruptionProps) {
  const t = useTranslations("keyChange");
  return (
    <>
      <Choice
        label={t("inflight")}
        value={inflight}
        onChange={onChange}
        options={[
          { value: "abort", label: t("abort") },
          { value: "drain", label: t("drain") },
        ]}
      />
      <TextField
        id={`${id}-reason`}
        name="reason"
        label={t("reason")}
        aside={t("reasonAside")}
        maxLength={1000}
      />
    </>
  );
}
