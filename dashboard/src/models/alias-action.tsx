import type { OperationView } from "@claviger/shared/sync/operation";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { ask, atOnce, resourceBody } from "../api/client.ts";
import { modelsQuery, projectsQuery } from "../api/queries.ts";
import { ChangeSheet, type Direction } from "../changes/change-sheet.tsx";
import { TextField } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { Select } from "../ui/select.tsx";
import { TagField } from "../ui/tags.tsx";
import { aliasesQuery, type ModelAlias } from "./queries.ts";

export type AliasActing =
  | { readonly kind: "add" }
  | { readonly kind: "edit" | "delete"; readonly alias: ModelAlias };

interface Made {
  readonly title: string;
  readonly direction: Direction;
  readonly operation: OperationView | null | undefined;
}

export function AliasAction({ acting, onClose }: { acting: AliasActing; onClose: () => void }) {
  const client = useQueryClient();
  const [made, setMade] = useState<Made | null>(null);
  const finish = (done: Made) => {
    void client.invalidateQueries({ queryKey: aliasesQuery.queryKey });
    if (done.operation) setMade(done);
    else onClose();
  };
  if (made?.operation) {
    const { title, direction, operation } = made;
    return <ChangeSheet title={title} direction={direction} operation={operation} onClose={onClose} />;
  }
  if (acting.kind === "delete") return <DeleteAlias alias={acting.alias} onClose={onClose} onMade={finish} />;
  const alias = acting.kind === "edit" ? acting.alias : undefined;
  return <AliasForm alias={alias} onClose={onClose} onMade={finish} />;
}

interface FormProps {
  /** Absent: a new one. */
  readonly alias: ModelAlias | undefined;
  readonly onClose: () => void;
  readonly onMade: (made: Made) => void;
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
          {alias !== undefined ? null : <ProjectField value={project} onChange={setProject} />}
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

function ProjectField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const t = useTranslations("models");
  const { data: projects = [] } = useQuery(projectsQuery);
  return (
    <div>
      <span className="l">{t("colProject")}</span>
      <Select
        label={t("colProject")}
        value={value}
        onChange={onChange}
        options={[
          { value: "", label: t("everyProject") },
          ...projects.map(({ id, attributes: { name } }) => ({ value: id, label: name })),
        ]}
      />
    </div>
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
