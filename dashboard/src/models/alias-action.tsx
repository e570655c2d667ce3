import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { ask, atOnce, resourceBody } from "../api/client.ts";
import { modelsQuery } from "../api/queries.ts";
import { type MadeChange, useMade } from "../changes/use-made.tsx";
import { ProjectField } from "../projects/project-field.tsx";
import { TextField } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { TagField } from "../ui/tags.tsx";
import type { ModelAlias } from "./queries.ts";

export type AliasActing =
  | { readonly kind: "add" }
  | { readonly kind: "edit" | "delete"; readonly alias: ModelAlias };

export function AliasAction({ acting, onClose }: { acting: AliasActing; onClose: () => void }) {
  const { sheet, finish } = useMade(onClose, "model-aliases");
  if (sheet !== null) return sheet;
  if (acting.kind === "delete") return <DeleteAlias alias={acting.alias} onClose={onClose} onMade={finish} />;
  const alias = acting.kind === "edit" ? acting.alias : undefined;
  return <AliasForm alias={alias} onClose={onClose} onMade={finish} />;
}

interface FormProps {
  /** Absent: a new one. */
  readonly alias: ModelAlias | undefined;
  readonly onClose: () => void;
  readonly onMade: (made: MadeChange) => void;
}

function AliasForm({ alias, onClose, onMade }: FormProps) {
  const t = useTranslations("models");
  const [project, setProject] = useState("");
  const [targets, setTargets] = useState<string[]>([...(alias?.attributes.targets ?? [])]);
  const [typed, setTyped] = useState("");
  const { data: models = [] } = useQuery({ ...modelsQuery(typed), enabled: typed !== "" });
  const save = async (form: FormData) => {
    const name = String(form.get("name"));
    const common = { name, targets };
    const body = resourceBody(
      "model-alias",
      alias === undefined ? { ...common, projectId: project === "" ? null : project } : common,
    );
    const [method, path] =
      alias === undefined ? ["POST", "/model-aliases"] : ["PATCH", `/model-aliases/${alias.id}`];
    const { meta } = await ask(method, path, { body, headers: atOnce });
    onMade({ title: t("aliasMade", { name }), direction: "hold", operation: meta.operation });
  };
  const title =
    alias === undefined ? t("addAliasTitle") : t("editAliasTitle", { name: alias.attributes.name });
  return (
    <FormDialog
      {...{ title, submit: t("saveAlias"), width: 560, fields: ["name", "targets"] }}
      onClose={onClose}
      onSubmit={save}
    >
      {(errorOf) => (
        <>
          <TextField
            id="alias-name"
            name="name"
            label={t("aliasName")}
            hint={t("aliasNameHint")}
            error={errorOf("name")}
            defaultValue={alias?.attributes.name}
            autoComplete="off"
            required
          />
          {alias !== undefined ? null : (
            <ProjectField value={project} onChange={setProject} every={t("everyProject")} />
          )}
          <TagField
            id="alias-targets"
            label={t("targets")}
            hint={t("targetsHint")}
            placeholder={t("targetsAdd")}
            error={errorOf("targets")}
            values={targets}
            onChange={setTargets}
            onSearch={setTyped}
            suggestions={models.map(({ id }) => id)}
          />
        </>
      )}
    </FormDialog>
  );
}

function DeleteAlias({ alias, onClose, onMade }: FormProps & { readonly alias: ModelAlias }) {
  const t = useTranslations("models");
  const { name } = alias.attributes;
  const remove = async () => {
    const { meta } = await ask("DELETE", `/model-aliases/${alias.id}`, { headers: atOnce });
    onMade({ title: t("aliasGone", { name }), direction: "refuse", operation: meta.operation });
  };
  return (
    <FormDialog
      {...{ title: t("deleteAliasTitle", { name }), submit: t("delete"), danger: true }}
      onClose={onClose}
      onSubmit={remove}
    >
      {() => <p>{t("deleteAliasText", { name })}</p>}
    </FormDialog>
  );
}
