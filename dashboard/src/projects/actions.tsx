import { useState } from "react";
import { useTranslations } from "use-intl";
import { ask, atOnce, resourceBody } from "../api/client.ts";
import type { Project } from "../api/queries.ts";
import { type MadeChange, useMade } from "../changes/use-made.tsx";
import { TextField } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { RowSwitch } from "../ui/row-switch.tsx";
import { Select } from "../ui/select.tsx";

export type ProjectActing =
  | { readonly kind: "add" }
  | { readonly kind: "edit" | "delete"; readonly project: Project };

export function ProjectAction({ acting, onClose }: { acting: ProjectActing; onClose: () => void }) {
  const { sheet, finish } = useMade(onClose);
  if (sheet !== null) return sheet;
  if (acting.kind === "delete")
    return <DeleteProject project={acting.project} onClose={onClose} onMade={finish} />;
  const project = acting.kind === "edit" ? acting.project : undefined;
  return <ProjectForm project={project} onClose={onClose} onMade={finish} />;
}

interface FormProps {
  readonly project: Project | undefined;
  readonly onClose: () => void;
  readonly onMade: (made: MadeChange) => void;
}

const periods = ["total", "daily", "weekly", "monthly"] as const;

function ProjectForm({ project, onClose, onMade }: FormProps) {
  const t = useTranslations("projects");
  const held = project?.attributes;
  const [period, setPeriod] = useState<string>(held?.budgetPeriod ?? "total");
  const [enabled, setEnabled] = useState(held?.enabled ?? true);
  const save = async (data: FormData) => {
    const budget = String(data.get("budgetUsd")).trim();
    const budgetUsd = budget === "" ? null : budget;
    const name = String(data.get("name")).trim();
    const attributes = { name, enabled, budgetUsd, budgetPeriod: budgetUsd === null ? null : period };
    const [method, path] =
      project === undefined ? ["POST", "/projects"] : ["PATCH", `/projects/${project.id}`];
    const { meta } = await ask(method, path, { body: resourceBody("project", attributes), headers: atOnce });
    onMade({
      title: t("changedTitle", { name }),
      direction: "hold",
      operation: meta.operation,
    });
  };
  return (
    <FormDialog
      title={held === undefined ? t("addTitle") : t("editTitle", { name: held.name })}
      submit={held === undefined ? t("add") : t("save")}
      onClose={onClose}
      onSubmit={save}
      fields={["name", "budgetUsd"]}
    >
      {(errorOf) => (
        <>
          <TextField
            id="project-name"
            name="name"
            label={t("name")}
            defaultValue={held?.name}
            error={errorOf("name")}
            maxLength={128}
            autoComplete="off"
            required
          />
          <TextField
            id="project-budget"
            name="budgetUsd"
            className="half"
            label={t("budget")}
            placeholder={t("noLimit")}
            defaultValue={held?.budgetUsd ?? ""}
            error={errorOf("budgetUsd")}
            inputMode="decimal"
            autoComplete="off"
          />
          <Period period={period} onChange={setPeriod} />
          <RowSwitch label={t("enabledLabel")} hint={t("enabledHint")} on={enabled} onChange={setEnabled} />
        </>
      )}
    </FormDialog>
  );
}

function DeleteProject({ project, onClose, onMade }: FormProps & { project: Project }) {
  const t = useTranslations("projects");
  const [typed, setTyped] = useState("");
  const { name } = project.attributes;
  const remove = async () => {
    const body = { keys: "delete" };
    const { meta } = await ask("DELETE", `/projects/${project.id}`, { body, headers: atOnce });
    onMade({ title: t("deletedTitle", { name }), direction: "refuse", operation: meta.operation });
  };
  return (
    <FormDialog
      title={t("deleteTitle", { name })}
      submit={t("delete")}
      danger
      disabled={typed !== name}
      onClose={onClose}
      onSubmit={remove}
    >
      {() => (
        <>
          <p>{t("deleteText")}</p>
          <TextField
            id="project-typed"
            label={t("typeName")}
            value={typed}
            autoComplete="off"
            onChange={(event) => setTyped(event.target.value)}
          />
        </>
      )}
    </FormDialog>
  );
}

function Period({ period, onChange }: { period: string; onChange: (period: string) => void }) {
  const t = useTranslations("projects");
  const form = useTranslations("keyForm");
  return (
    <div className="half">
      <span className="l">{t("period")}</span>
      <Select
        label={t("period")}
        value={period}
        onChange={onChange}
        options={periods.map((value) => ({ value, label: form(value) }))}
      />
    </div>
  );
}
