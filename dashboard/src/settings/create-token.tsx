import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { ask, resourceBody } from "../api/client.ts";
import { type Token, tokensQuery } from "../api/queries.ts";
import { useSession } from "../shell/session.ts";
import { Button } from "../ui/button.tsx";
import { Choice } from "../ui/choice.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { Select } from "../ui/select.tsx";
import { ShownOnce } from "../ui/shown-once.tsx";

const days = ["never", "30", "90", "365"] as const;
const roles = ["viewer", "member", "admin", "owner"] as const;

/** Makes a token and shows it once. */
export function CreateToken({ onClose }: { onClose: () => void }) {
  const t = useTranslations("settings");
  const ui = useTranslations("ui");
  const [made, setMade] = useState<{ name: string; secret: string } | null>(null);
  if (made === null)
    return <TokenForm onClose={onClose} onMade={(name, secret) => setMade({ name, secret })} />;
  return (
    <Dialog
      title={made.name}
      onClose={onClose}
      width={680}
      dismissable={false}
      focus="copy-secret"
      footer={
        <>
          <span className="note" />
          <Button onClick={onClose}>{ui("done")}</Button>
        </>
      }
    >
      <div className="body-scroll">
        <ShownOnce secret={made.secret} head={t("tokenMade")} warning={t("once")} />
      </div>
    </Dialog>
  );
}

interface TokenFormProps {
  readonly onClose: () => void;
  readonly onMade: (name: string, secret: string) => void;
}

function TokenForm({ onClose, onMade }: TokenFormProps) {
  const t = useTranslations("settings");
  const shell = useTranslations("shell");
  const client = useQueryClient();
  const { role: mine } = useSession();
  const [role, setRole] = useState("");
  const [life, setLife] = useState<(typeof days)[number]>("90");
  const create = async (form: FormData) => {
    const name = String(form.get("name")).trim();
    const expiresAt =
      life === "never" ? null : new Date(Date.now() + Number(life) * 86_400_000).toISOString();
    const attributes = { name, expiresAt, role: role === "" ? null : role };
    const body = resourceBody("personal-access-token", attributes);
    const { meta } = await ask<Token>("POST", "/personal-access-tokens", { body });
    void client.invalidateQueries({ queryKey: tokensQuery.queryKey });
    onMade(name, meta.secretKey ?? "");
  };
  const lower = roles
    .slice(0, roles.indexOf(mine))
    .map((value) => ({ value, label: shell(`role.${value}`) }));
  return (
    <FormDialog
      title={t("addToken")}
      submit={t("addToken")}
      onClose={onClose}
      onSubmit={create}
      fields={["name", "role", "expiresAt"]}
    >
      {(errorOf) => (
        <>
          <TextField
            id="token-name"
            name="name"
            label={t("tokenName")}
            error={errorOf("name")}
            maxLength={128}
            autoComplete="off"
            required
          />
          <div>
            <span className="l">{t("tokenRole")}</span>
            <Select
              label={t("tokenRole")}
              value={role}
              onChange={setRole}
              options={[{ value: "", label: t("yourRole") }, ...lower]}
            />
          </div>
          <Choice
            label={t("tokenExpiry")}
            value={life}
            onChange={setLife}
            options={days.map((value) => ({ value, label: value === "never" ? t("never") : `${value} d` }))}
          />
        </>
      )}
    </FormDialog>
  );
}
