import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useTranslations } from "use-intl";
import { ask, atOnce, resourceBody } from "../api/client.ts";
import { type LlmApiKey, oldestOf, projectsQuery, providersQuery } from "../api/queries.ts";
import type { MadeChange } from "../changes/use-made.tsx";
import { ProjectField } from "../projects/project-field.tsx";
import { TextField } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { RowSwitch } from "../ui/row-switch.tsx";
import { Select } from "../ui/select.tsx";
import { TagField } from "../ui/tags.tsx";

export interface LlmKeyFormProps {
  /** Absent: a new one. */
  readonly llmKey: LlmApiKey | undefined;
  readonly projectId: string | undefined;
  readonly onClose: () => void;
  readonly onMade: (made: MadeChange) => void;
}

const attributes = ["provider", "name", "secretKey", "baseUrl", "customModels", "withDefaultModels"];

export function LlmKeyForm({ llmKey, projectId, onClose, onMade }: LlmKeyFormProps) {
  const t = useTranslations("llmKeys");
  const { data: projects = [] } = useQuery(projectsQuery);
  const [provider, setProvider] = useState(llmKey?.attributes.provider ?? "openai");
  const [project, setProject] = useState(projectId);
  const into = project ?? oldestOf(projects)?.id ?? "";
  const [custom, setCustom] = useState<string[]>([...(llmKey?.attributes.customModels ?? [])]);
  const [defaults, setDefaults] = useState(llmKey?.attributes.withDefaultModels ?? true);
  const save = useSave(llmKey, onMade);
  return (
    <FormDialog
      {...(llmKey === undefined
        ? { title: t("addTitle"), submit: t("add") }
        : { title: t("editTitle", { name: llmKey.attributes.name }), submit: t("save") })}
      width={560}
      onClose={onClose}
      onSubmit={(form) => save(form, into, { provider, customModels: custom, withDefaultModels: defaults })}
      fields={attributes}
    >
      {(errorOf) => (
        <>
          {llmKey !== undefined ? null : (
            <Target provider={provider} onProvider={setProvider} project={into} onProject={setProject}>
              <Secret error={errorOf("secretKey")} />
            </Target>
          )}
          <Addresses llmKey={llmKey} errorOf={errorOf} />
          <TagField
            id="llm-customModels"
            label={t("custom")}
            aside={t("customAside")}
            placeholder={t("customAdd")}
            error={errorOf("customModels")}
            values={custom}
            onChange={setCustom}
          />
          <RowSwitch
            label={t("withDefaults")}
            hint={t("withDefaultsHint")}
            on={defaults}
            onChange={setDefaults}
          />
        </>
      )}
    </FormDialog>
  );
}

interface TargetProps {
  readonly provider: string;
  readonly onProvider: (provider: string) => void;
  readonly project: string;
  readonly onProject: (project: string) => void;
  readonly children: ReactNode;
}

function Target({ provider, onProvider, project, onProject, children }: TargetProps) {
  const t = useTranslations("llmKeys");
  const { data: providers = [] } = useQuery(providersQuery);
  return (
    <>
      <div className="half">
        <span className="l">{t("provider")}</span>
        <Select
          label={t("provider")}
          value={provider}
          onChange={onProvider}
          options={providers.map(({ id }) => ({ value: id, label: id }))}
        />
      </div>
      <ProjectField className="half" value={project} onChange={onProject} />
      {children}
    </>
  );
}

function Secret({ error }: { error: string | undefined }) {
  const t = useTranslations("llmKeys");
  return (
    <TextField
      id="llm-secretKey"
      name="secretKey"
      type="password"
      autoComplete="off"
      label={t("secret")}
      hint={t("secretHint")}
      error={error}
    />
  );
}

interface AddressesProps {
  readonly llmKey: LlmApiKey | undefined;
  readonly errorOf: (attribute: string) => string | undefined;
}

function Addresses({ llmKey, errorOf }: AddressesProps) {
  const t = useTranslations("llmKeys");
  return (
    <>
      <TextField
        id="llm-name"
        name="name"
        label={t("name")}
        hint={t("nameHint")}
        error={errorOf("name")}
        defaultValue={llmKey?.attributes.name}
        autoComplete="off"
      />
      <TextField
        id="llm-baseUrl"
        name="baseUrl"
        label={t("baseUrl")}
        hint={t("baseUrlHint")}
        error={errorOf("baseUrl")}
        defaultValue={llmKey?.attributes.baseUrl}
        autoComplete="off"
      />
    </>
  );
}

/** The field's text, when there is any. */
function given(form: FormData, name: string): Record<string, string> {
  const text = String(form.get(name) ?? "").trim();
  return text === "" ? {} : { [name]: text };
}

interface Chosen {
  readonly provider: string;
  readonly customModels: readonly string[];
  readonly withDefaultModels: boolean;
}

function useSave(llmKey: LlmApiKey | undefined, onMade: (made: MadeChange) => void) {
  const t = useTranslations("llmKeys");
  return async (form: FormData, into: string, { provider, ...models }: Chosen) => {
    const common = { ...models, ...given(form, "name"), ...given(form, "baseUrl") };
    const body = llmKey === undefined ? { provider, ...common, ...given(form, "secretKey") } : common;
    const [method, path] =
      llmKey === undefined
        ? ["POST", `/projects/${into}/llm-api-keys`]
        : ["PATCH", `/llm-api-keys/${llmKey.id}`];
    const answer = await ask<LlmApiKey>(method, path, {
      body: resourceBody("llm-api-key", body),
      headers: atOnce,
    });
    const { name } = answer.data.attributes;
    const title = t(llmKey === undefined ? "addedTitle" : "changedTitle", { name });
    onMade({ title, direction: "hold", operation: answer.meta.operation });
  };
}
