import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { ask, atOnce, resourceBody } from "../api/client.ts";
import { type Agent, oldestOf, projectsQuery, providersQuery } from "../api/queries.ts";
import type { Made } from "../keys/actions.tsx";
import { Choice } from "../ui/choice.tsx";
import { TextField } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { Select } from "../ui/select.tsx";
import { TagField } from "../ui/tags.tsx";

const lives = ["never", "30", "90", "365"] as const;
type Life = (typeof lives)[number];
const fields = [
  "name",
  "expiresAt",
  "allowedProviders",
  "allowedModels",
  "requestsPerMinute",
  "budgetUsd",
] as const;

/** What an agent is made of at first; everything else can be edited later, as with a key. */
export function AgentForm({ onClose, onMade }: { onClose: () => void; onMade: (made: Made) => void }) {
  const t = useTranslations("agents");
  const { data: projects = [] } = useQuery(projectsQuery);
  const [project, setProject] = useState<string>();
  const [life, setLife] = useState<Life>("never");
  const [providers, setProviders] = useState<string[]>([]);
  const [models, setModels] = useState<string[]>([]);
  const into = project ?? oldestOf(projects)?.id ?? "";
  const create = async (form: FormData) => {
    const attributes = attributesOf(form, { life, providers, models });
    const body = resourceBody("agent", attributes);
    const { data, meta } = await ask<Agent>("POST", `/projects/${into}/agents`, { body, headers: atOnce });
    const { operation, secretKey: secret } = meta;
    if (!operation || secret === undefined) return onClose();
    onMade({ title: data.attributes.name, direction: "accept", operation, secret, apiKey: data });
  };
  return (
    <FormDialog
      title={t("addTitle")}
      submit={t("add")}
      width={560}
      onClose={onClose}
      onSubmit={create}
      fields={fields}
    >
      {(errorOf) => (
        <>
          <Names project={into} onProject={setProject} errorOf={errorOf} />
          <Scopes
            providers={providers}
            onProviders={setProviders}
            models={models}
            onModels={setModels}
            errorOf={errorOf}
          />
          <Choice
            label={t("expiry")}
            value={life}
            onChange={setLife}
            options={lives.map((value) => ({
              value,
              label: value === "never" ? t("never") : t("days", { days: value }),
            }))}
          />
          <Limits errorOf={errorOf} />
        </>
      )}
    </FormDialog>
  );
}

type ErrorOf = (attribute: string) => string | undefined;

interface NamesProps {
  readonly project: string;
  readonly onProject: (id: string) => void;
  readonly errorOf: ErrorOf;
}

function Names({ project, onProject, errorOf }: NamesProps) {
  const t = useTranslations("agents");
  const { data: projects = [] } = useQuery(projectsQuery);
  return (
    <>
      <TextField
        id="agent-name"
        name="name"
        className="half"
        label={t("name")}
        error={errorOf("name")}
        maxLength={128}
        autoComplete="off"
        required
      />
      <div className="half">
        <span className="l">{t("project")}</span>
        <Select
          label={t("project")}
          value={project}
          onChange={onProject}
          options={projects.map(({ id, attributes }) => ({ value: id, label: attributes.name }))}
        />
      </div>
    </>
  );
}

interface ScopesProps {
  readonly providers: string[];
  readonly onProviders: (providers: string[]) => void;
  readonly models: string[];
  readonly onModels: (models: string[]) => void;
  readonly errorOf: ErrorOf;
}

function Scopes({ providers, onProviders, models, onModels, errorOf }: ScopesProps) {
  const t = useTranslations("agents");
  const { data: known = [] } = useQuery(providersQuery);
  return (
    <>
      <TagField
        id="agent-providers"
        label={t("providers")}
        aside={t("providersAside")}
        placeholder={t("addProvider")}
        error={errorOf("allowedProviders")}
        suggestions={known.map(({ id }) => id)}
        values={providers}
        onChange={onProviders}
      />
      <TagField
        id="agent-models"
        label={t("models")}
        aside={t("modelsAside")}
        placeholder={t("addModel")}
        error={errorOf("allowedModels")}
        values={models}
        onChange={onModels}
      />
    </>
  );
}

function Limits({ errorOf }: { errorOf: ErrorOf }) {
  const t = useTranslations("agents");
  return (
    <>
      <TextField
        id="agent-rpm"
        name="requestsPerMinute"
        className="half"
        label={t("requestsPerMinute")}
        placeholder={t("noLimit")}
        error={errorOf("requestsPerMinute")}
        inputMode="numeric"
        pattern="[0-9]*"
        autoComplete="off"
      />
      <TextField
        id="agent-budget"
        name="budgetUsd"
        className="half"
        label={t("budget")}
        placeholder={t("noLimit")}
        error={errorOf("budgetUsd")}
        inputMode="decimal"
        autoComplete="off"
      />
    </>
  );
}

interface Chosen {
  readonly life: Life;
  readonly providers: readonly string[];
  readonly models: readonly string[];
}

/** Nothing typed means no limit; the API says the rest. */
function attributesOf(form: FormData, { life, providers, models }: Chosen) {
  const text = (name: string) => String(form.get(name) ?? "").trim();
  const [budgetUsd, rpm] = [text("budgetUsd"), text("requestsPerMinute")];
  return {
    name: text("name"),
    expiresAt: life === "never" ? null : new Date(Date.now() + Number(life) * 86_400_000).toISOString(),
    allowedProviders: providers.length === 0 ? null : providers,
    allowedModels: models.length === 0 ? null : models,
    ...(rpm === "" ? {} : { requestsPerMinute: Number(rpm) }),
    ...(budgetUsd === "" ? {} : { budgetUsd, budgetPeriod: "total" }),
  };
}
