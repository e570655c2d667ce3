import type { Role } from "@claviger/shared/api/role";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { ask, resourceBody } from "../api/client.ts";
import { Choice } from "../ui/choice.tsx";
import { TextField } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { SecretDialog } from "../ui/secret-dialog.tsx";
import { exact } from "../words/format.ts";
import { type Invitation, invitationsQuery } from "./queries.ts";
import { RoleField } from "./role-field.tsx";

interface Made {
  readonly invitation: Invitation;
  readonly link: string;
}

const lives = ["1", "7", "30"] as const;

/** Makes the link of an invitation and shows it once. */
export function InviteDialog({ onClose }: { onClose: () => void }) {
  const [made, setMade] = useState<Made | null>(null);
  if (made === null) return <InviteForm onClose={onClose} onMade={setMade} />;
  return <InviteLink made={made} onClose={onClose} />;
}

function InviteLink({ made: { invitation, link }, onClose }: { made: Made; onClose: () => void }) {
  const t = useTranslations("members");
  const shell = useTranslations("shell");
  const { email, role, expiresAt } = invitation.attributes;
  return (
    <SecretDialog
      title={t("linkTitle", { email })}
      secret={link}
      head={t("linkMade")}
      warning={t("linkOnce", { role: shell(`role.${role}`), until: exact(expiresAt) })}
      note={t("inviteHint")}
      onClose={onClose}
    />
  );
}

function InviteForm({ onClose, onMade }: { onClose: () => void; onMade: (made: Made) => void }) {
  const t = useTranslations("members");
  const client = useQueryClient();
  const [role, setRole] = useState<Role>("member");
  const [life, setLife] = useState<(typeof lives)[number]>("7");
  const invite = async (form: FormData) => {
    const attributes = { email: String(form.get("email")).trim(), role, expiresInDays: Number(life) };
    const body = resourceBody("invitation", attributes);
    const { data, meta } = await ask<Invitation>("POST", "/invitations", { body });
    void client.invalidateQueries({ queryKey: invitationsQuery.queryKey });
    // Behind the #, so that no server and no log is ever told.
    onMade({ invitation: data, link: `${location.origin}/dashboard/join#${meta.secretKey ?? ""}` });
  };
  return (
    <FormDialog
      title={t("inviteTitle")}
      submit={t("makeLink")}
      onClose={onClose}
      onSubmit={invite}
      fields={["email", "role"]}
    >
      {(errorOf) => (
        <>
          <TextField
            id="invite-email"
            name="email"
            type="email"
            label={t("email")}
            hint={t("inviteHint")}
            error={errorOf("email")}
            autoComplete="off"
            required
          />
          <RoleField role={role} onChange={setRole} />
          <Choice
            label={t("days")}
            value={life}
            onChange={setLife}
            options={lives.map((value) => ({ value, label: t("daysOf", { days: value }) }))}
          />
        </>
      )}
    </FormDialog>
  );
}
