import { type Role, roles } from "@claviger/shared/api/role-rank";
import type { SingleSignOnView } from "@claviger/shared/api/sign-in";
import { type FormEvent, useState } from "react";
import { useTranslations } from "use-intl";
import { RequestFailed, resourceBody } from "../api/client.ts";
import { useChange } from "../changes/use-change.ts";
import { useMay } from "../shell/session.ts";
import { Button } from "../ui/button.tsx";
import { described, Labelled, TextField } from "../ui/field.tsx";
import { Problem } from "../ui/problem.tsx";
import { RowSwitch } from "../ui/row-switch.tsx";
import { Select } from "../ui/select.tsx";
import { useToast } from "../ui/toast.tsx";
import { readMapping, writeMapping } from "./role-mapping.ts";

interface ProviderFormProps {
  readonly held: SingleSignOnView | null;
  readonly onSaved: () => void;
}

const NOBODY = "";

/** The provider's names and secrets, and what its claims give. */
export function ProviderForm({ held, onSaved }: ProviderFormProps) {
  const t = useTranslations("security");
  const ui = useTranslations("ui");
  const owner = useMay("owner");
  const toast = useToast();
  const { busy, error, change } = useChange();
  const [role, setRole] = useState<string>(held === null ? "viewer" : (held.defaultRole ?? NOBODY));
  const [trustEmail, setTrustEmail] = useState(held?.trustEmail ?? false);
  const [wrong, setWrong] = useState<string>();
  const save = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const read = readMapping(String(form.get("roleMapping")));
    setWrong("wrongLine" in read ? t("mappingWrong", { line: String(read.wrongLine) }) : undefined);
    if ("wrongLine" in read) return;
    const body = resourceBody("single-sign-on", { ...attributesOf(form, role, read.mapping), trustEmail });
    if ((await change("PATCH", "/single-sign-on", { body })) === undefined) return;
    toast(t("saved"));
    onSaved();
  };
  const errors = errorsOf(error);
  return (
    <form className="panel form max-w-160" aria-label={t("ssoLead")} onSubmit={(event) => void save(event)}>
      {error === null || errors.size > 0 ? null : <Problem error={error} />}
      <fieldset className="contents" disabled={!owner}>
        <ProviderFields held={held} errors={errors} />
        <MappingField held={held} error={wrong ?? errors.get("roleMapping")} />
        <DefaultRole role={role} onChange={setRole} />
        <div className="col-span-full">
          <RowSwitch
            label={t("trustEmail")}
            hint={t("trustEmailHint")}
            on={trustEmail}
            onChange={setTrustEmail}
          />
        </div>
      </fieldset>
      {owner ? (
        <div className="col-span-full">
          <Button type="submit" kind="primary" busy={busy} disabled={busy}>
            {held === null ? t("setUp") : ui("save")}
          </Button>
        </div>
      ) : (
        <p className="soft col-span-full">{t("onlyOwners")}</p>
      )}
    </form>
  );
}

interface ProviderFieldsProps {
  readonly held: SingleSignOnView | null;
  readonly errors: ReadonlyMap<string, string>;
}

function ProviderFields({ held, errors }: ProviderFieldsProps) {
  const t = useTranslations("security");
  const kept = held?.hasClientSecret === true;
  return (
    <>
      {(["issuer", "clientId", "clientSecret", "roleClaim"] as const).map((name) => (
        <TextField
          key={name}
          id={`sso-${name}`}
          name={name}
          type={name === "clientSecret" ? "password" : "text"}
          label={t(name)}
          hint={name === "clientId" ? undefined : t(`${name}Hint`)}
          placeholder={name === "clientSecret" && kept ? t("clientSecretKept") : undefined}
          defaultValue={name === "clientSecret" ? "" : (held?.[name] ?? "")}
          required={name === "issuer" || name === "clientId"}
          error={errors.get(name)}
          autoComplete="off"
          className={
            name === "clientId" || name === "clientSecret" ? "col-span-full sm:col-span-1" : "col-span-full"
          }
        />
      ))}
    </>
  );
}

function DefaultRole({ role, onChange }: { role: string; onChange: (role: string) => void }) {
  const t = useTranslations("security");
  const shell = useTranslations("shell");
  const given = roles.map((value) => ({ value, label: shell(`role.${value}`) }));
  return (
    <div>
      <span className="l">{t("defaultRole")}</span>
      <Select
        label={t("defaultRole")}
        value={role}
        onChange={onChange}
        options={[{ value: NOBODY, label: t("nobody") }, ...given]}
      />
    </div>
  );
}

function attributesOf(form: FormData, role: string, roleMapping: Readonly<Record<string, Role>>) {
  const text = (name: string) => String(form.get(name)).trim();
  const secret = text("clientSecret");
  const claim = text("roleClaim");
  return {
    issuer: text("issuer"),
    clientId: text("clientId"),
    ...(secret === "" ? {} : { clientSecret: secret }),
    roleClaim: claim === "" ? null : claim,
    roleMapping,
    defaultRole: role === NOBODY ? null : role,
  };
}

/** By attribute. */
function errorsOf(error: unknown): Map<string, string> {
  if (!(error instanceof RequestFailed)) return new Map();
  return new Map(
    error.findings.flatMap(({ pointer, detail }) => {
      const name = pointer?.split("/")[3];
      return name === undefined ? [] : [[name, detail]];
    }),
  );
}

function MappingField({ held, error }: { held: SingleSignOnView | null; error: string | undefined }) {
  const t = useTranslations("security");
  return (
    <Labelled
      id="role-mapping"
      label={t("roleMapping")}
      hint={t("roleMappingHint")}
      error={error}
      className="col-span-full"
    >
      <div className="field area">
        <textarea
          {...described("role-mapping", error, true)}
          name="roleMapping"
          rows={3}
          className="mono"
          defaultValue={writeMapping(held?.roleMapping ?? {})}
        />
      </div>
    </Labelled>
  );
}
