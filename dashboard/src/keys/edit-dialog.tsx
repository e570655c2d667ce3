import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { type Answer, ask, atOnce, RequestFailed, resourceBody } from "../api/client.ts";
import type { ApiKey } from "../api/queries.ts";
import type { ActionProps } from "./actions.tsx";
import { showAtOnce } from "./at-once.ts";
import { Conflict } from "./conflict.tsx";
import { attributesOf, changesBetween, type KeyValues, valuesOf } from "./form-values.ts";
import { KeyForm } from "./key-form.tsx";
import { LeaveDialog } from "./leave-dialog.tsx";
import { pathOf } from "./path.ts";

/** What can be taken back without harm, and is shown before the API has said so. */
const harmless: readonly string[] = ["name", "metadata"];

interface Clash {
  readonly opened: ApiKey;
  readonly present: ApiKey;
  readonly mine: Readonly<Record<string, unknown>>;
}

/** Edits everything but the secret. What somebody else changed meanwhile is not overwritten unseen: it is shown first. */
export function EditDialog({ apiKey, onClose, onMade }: ActionProps) {
  const t = useTranslations("keyForm");
  const ui = useTranslations("ui");
  // As the key was when the form was opened: what comes in live meanwhile must not move what is being edited.
  const [opened, setOpened] = useState(apiKey);
  const [clash, setClash] = useState<Clash | null>(null);
  const [dirty, setDirty] = useState(false);
  const [leaving, setLeaving] = useState(false);
  const initial = valuesOf((clash?.opened ?? opened).attributes);
  const revision = (clash?.present ?? opened).attributes.revision;
  const save = useSave(apiKey, onMade, onClose);
  const submit = async (attributes: Record<string, unknown>, _values: KeyValues) => {
    const mine = changesBetween(attributesOf(initial, Date.now()), attributes);
    try {
      await save(mine, revision);
    } catch (error) {
      if (error instanceof RequestFailed && error.present !== undefined)
        setClash({ opened, present: error.present as ApiKey, mine });
      throw error;
    }
  };
  const takeTheirs = () => {
    if (clash !== null) setOpened(clash.present);
    setClash(null);
  };
  return (
    <>
      <KeyForm
        key={opened.attributes.revision}
        title={t("editTitle", { name: opened.attributes.name })}
        submit={ui("save")}
        initial={initial}
        editing
        explain={
          clash === null
            ? undefined
            : (error) =>
                error instanceof RequestFailed && error.present !== undefined ? (
                  <Conflict {...clash} onTheirs={takeTheirs} />
                ) : null
        }
        onChange={(_, isDirty) => setDirty(isDirty)}
        onSubmit={submit}
        onClose={() => (dirty ? setLeaving(true) : onClose())}
      />
      {leaving ? (
        <LeaveDialog text={t("leaveEdit")} onStay={() => setLeaving(false)} onLeave={onClose} />
      ) : null}
    </>
  );
}

/** Saves what has changed against the revision that it was changed from. A name and tags are shown at once. */
function useSave(apiKey: ApiKey, onMade: ActionProps["onMade"], onClose: () => void) {
  const change = useTranslations("keyChange");
  const client = useQueryClient();
  return async (changes: Record<string, unknown>, revision: string) => {
    const named = Object.keys(changes);
    if (named.length === 0) return onClose();
    const takeBack = named.every((name) => harmless.includes(name))
      ? showAtOnce(apiKey.id, changes)
      : () => undefined;
    try {
      const { data, meta } = await ask<ApiKey>("PATCH", pathOf(apiKey), {
        body: resourceBody(apiKey.type, changes),
        headers: { ...atOnce, "if-match": `"${revision}"` },
      });
      keepSaved(client, data);
      void client.invalidateQueries({ queryKey: ["api-keys"] }).then(takeBack);
      const title = change("editedTitle", { name: data.attributes.name });
      if (meta.operation) onMade({ title, direction: "hold", operation: meta.operation, apiKey: data });
      else onClose();
    } catch (error) {
      takeBack();
      throw error;
    }
  };
}

/** Whoever opens the form again at once edits what was saved, and is no stranger to their own change. */
function keepSaved(client: QueryClient, saved: ApiKey): void {
  const withSaved = (key: ApiKey) => (key.id === saved.id ? saved : key);
  client.setQueryData<Answer<ApiKey>>(
    ["api-keys", "one", saved.id],
    (held) => held && { ...held, data: saved },
  );
  client.setQueriesData<Answer<ApiKey[]>>(
    { queryKey: ["api-keys", "list"] },
    (held) => held && { ...held, data: held.data.map(withSaved) },
  );
}
