import { useState } from "react";
import { useTranslations } from "use-intl";
import { ask, atOnce, resourceBody } from "../api/client.ts";
import type { ApiKey } from "../api/queries.ts";
import type { ActionProps } from "./actions.tsx";
import { attributesOf, changesBetween, type KeyValues, valuesOf } from "./form-values.ts";
import { KeyForm } from "./key-form.tsx";
import { LeaveDialog } from "./leave-dialog.tsx";
import { pathOf } from "./path.ts";

/** Edits everything but the secret. What somebody else changed meanwhile is not overwritten: the API says 409. */
export function EditDialog({ apiKey, onClose, onMade }: ActionProps) {
  const t = useTranslations("keyForm");
  const change = useTranslations("keyChange");
  const ui = useTranslations("ui");
  // As the key was when the form was opened: what comes in live meanwhile must not move what is being edited.
  const [opened] = useState(apiKey);
  const [initial] = useState(() => valuesOf(apiKey.attributes));
  const [dirty, setDirty] = useState(false);
  const [leaving, setLeaving] = useState(false);
  const save = async (attributes: Record<string, unknown>, _values: KeyValues) => {
    const changes = changesBetween(attributesOf(initial, Date.now()), attributes);
    if (Object.keys(changes).length === 0) return onClose();
    const { data, meta } = await ask<ApiKey>("PATCH", pathOf(apiKey), {
      body: resourceBody(apiKey.type, changes),
      headers: { ...atOnce, "if-match": `"${opened.attributes.revision}"` },
    });
    const title = change("editedTitle", { name: data.attributes.name });
    if (meta.operation) onMade({ title, direction: "hold", operation: meta.operation, apiKey: data });
    else onClose();
  };
  return (
    <>
      <KeyForm
        title={t("editTitle", { name: opened.attributes.name })}
        submit={ui("save")}
        initial={initial}
        editing
        onChange={(_, isDirty) => setDirty(isDirty)}
        onSubmit={save}
        onClose={() => (dirty ? setLeaving(true) : onClose())}
      />
      {leaving ? (
        <LeaveDialog text={t("leaveEdit")} onStay={() => setLeaving(false)} onLeave={onClose} />
      ) : null}
    </>
  );
}
