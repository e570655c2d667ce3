import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { ask, atOnce, resourceBody } from "../api/client.ts";
import { projectsQuery } from "../api/queries.ts";
import type { MadeChange } from "../changes/use-made.tsx";
import { Choice } from "../ui/choice.tsx";
import { described, Labelled, TextField } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { RowSwitch } from "../ui/row-switch.tsx";
import type { McpServer } from "./queries.ts";

export interface ServerFormProps {
  /** Absent: a new one. */
  readonly server: McpServer | undefined;
  readonly onClose: () => void;
  readonly onMade: (made: MadeChange) => void;
  readonly onAdded: (id: string) => void;
}

const fields = ["name", "url", "bearer", "headers", "projectIds", "newTools", "enabled"];

type Kind = "keep" | "none" | "bearer" | "headers";

export function ServerForm({ server, onClose, onMade, onAdded }: ServerFormProps) {
  const t = useTranslations("mcp");
  const view = server?.attributes;
  const [kind, setKind] = useState<Kind>(view === undefined ? "none" : "keep");
  const [projectIds, setProjectIds] = useState<readonly string[]>(view?.projectIds ?? []);
  const [accepts, setAccepts] = useState(view?.newTools === "accept");
  const save = useSave(server, onMade, onAdded);
  return (
    <FormDialog
      {...(view === undefined
        ? { title: t("addTitle"), submit: t("add") }
        : { title: t("editTitle", { name: view.name }), submit: t("save") })}
      width={560}
      onClose={onClose}
      fields={fields}
      onSubmit={(form) =>
        save({
          ...(view === undefined ? { name: textOf(form, "name") } : {}),
          url: textOf(form, "url"),
          ...credentialOf(form, kind),
          projectIds: projectIds.length === 0 ? null : projectIds,
          newTools: accepts ? "accept" : "pending",
        })
      }
    >
      {(errorOf) => (
        <>
          <Address server={server} errorOf={errorOf} />
          <Credential server={server} kind={kind} onKind={setKind} errorOf={errorOf} />
          <Projects chosen={projectIds} onChoose={setProjectIds} />
          <RowSwitch label={t("acceptNew")} hint={t("acceptNewHint")} on={accepts} onChange={setAccepts} />
        </>
      )}
    </FormDialog>
  );
}

type ErrorOf = (attribute: string) => string | undefined;

function Address({ server, errorOf }: { server: McpServer | undefined; errorOf: ErrorOf }) {
  const t = useTranslations("mcp");
  return (
    <>
      {server === undefined ? (
        <TextField
          id="mcp-name"
          name="name"
          label={t("name")}
          hint={t("nameHint")}
          error={errorOf("name")}
          maxLength={32}
          autoComplete="off"
          required
        />
      ) : null}
      <TextField
        id="mcp-url"
        name="url"
        label={t("url")}
        hint={t("urlHint")}
        error={errorOf("url")}
        defaultValue={server?.attributes.url}
        placeholder="https://"
        autoComplete="off"
        required
      />
    </>
  );
}

interface CredentialProps {
  readonly server: McpServer | undefined;
  readonly kind: Kind;
  readonly onKind: (kind: Kind) => void;
  readonly errorOf: ErrorOf;
}

function Credential({ server, kind, onKind, errorOf }: CredentialProps) {
  const t = useTranslations("mcp");
  const kinds = ["none", "bearer", "headers"] as const;
  const offered: readonly Kind[] = server === undefined ? kinds : ["keep", ...kinds];
  return (
    <>
      <Choice
        label={t("credential")}
        value={kind}
        onChange={onKind}
        options={offered.map((value) => ({ value, label: t(value) }))}
      />
      {kind === "keep" && server !== undefined ? (
        <Kept server={server} error={errorOf("bearer") ?? errorOf("headers")} />
      ) : null}
      {kind === "bearer" ? (
        <TextField
          id="mcp-bearer"
          name="bearer"
          type="password"
          label={t("bearerLabel")}
          hint={t("writeOnly")}
          error={errorOf("bearer")}
          autoComplete="off"
          required
        />
      ) : null}
      {kind === "headers" ? (
        <Labelled
          id="mcp-headers"
          label={t("headersLabel")}
          hint={t("headersHint")}
          error={errorOf("headers")}
        >
          <div className={`field area${errorOf("headers") === undefined ? "" : " bad"}`}>
            <textarea
              {...described("mcp-headers", errorOf("headers"), true)}
              name="headers"
              className="mono"
              rows={3}
              autoComplete="off"
              placeholder="X-Api-Key: …"
              required
            />
          </div>
        </Labelled>
      ) : null}
    </>
  );
}

function Kept({ server, error }: { server: McpServer; error: string | undefined }) {
  const t = useTranslations("mcp");
  const { credential, preview, headerNames } = server.attributes;
  if (error !== undefined) return <p className="hint err">{error}</p>;
  if (credential === "none") return null;
  const what = credential === "bearer" ? (preview ?? "") : headerNames.join(", ");
  return <p className="hint">{t("has", { what })}</p>;
}

interface ProjectsProps {
  readonly chosen: readonly string[];
  readonly onChoose: (ids: readonly string[]) => void;
}

function Projects({ chosen, onChoose }: ProjectsProps) {
  const t = useTranslations("mcp");
  const { data: projects = [] } = useQuery(projectsQuery);
  const toggle = (id: string, on: boolean) =>
    onChoose(on ? [...chosen, id] : chosen.filter((one) => one !== id));
  return (
    <fieldset>
      <legend className="l w-full">
        {t("projectsLabel")}
        <small>{t("projectsAside")}</small>
      </legend>
      <div className="toggles">
        {projects.map(({ id, attributes }) => (
          <label key={id}>
            <input
              type="checkbox"
              className="check"
              checked={chosen.includes(id)}
              onChange={(event) => toggle(id, event.target.checked)}
            />
            <span className="cut">{attributes.name}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function textOf(form: FormData, name: string): string {
  return String(form.get(name) ?? "").trim();
}

/** What is to be sent of the credential: nothing to keep it, null to take it away. */
function credentialOf(form: FormData, kind: Kind): object {
  switch (kind) {
    case "keep":
      return {};
    case "none":
      return { bearer: null };
    case "bearer":
      return { bearer: textOf(form, "bearer") };
    case "headers":
      return { headers: headersOf(textOf(form, "headers")) };
  }
}

/** A line without a colon becomes a name that the contract refuses. */
function headersOf(text: string): Record<string, string> {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf(":");
      return at < 0 ? [line, ""] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    }),
  );
}

function useSave(
  server: McpServer | undefined,
  onMade: (made: MadeChange) => void,
  onAdded: (id: string) => void,
) {
  const t = useTranslations("mcp");
  const client = useQueryClient();
  return async (attributes: object) => {
    const body = resourceBody("mcp-server", attributes);
    if (server === undefined) {
      // Whoever adds a server wants its tools: gateways that hold it can be asked.
      const { data } = await ask<McpServer>("POST", "/mcp-servers", { body });
      await client.invalidateQueries({ queryKey: ["mcp-servers"] });
      onAdded(data.id);
      return;
    }
    const { data, meta } = await ask<McpServer>("PATCH", `/mcp-servers/${server.id}`, {
      body,
      headers: atOnce,
    });
    const title = t("changedTitle", { name: data.attributes.name });
    onMade({ title, direction: "hold", operation: meta.operation });
  };
}
