import type { OperationView } from "@claviger/shared/sync/operation";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { ask, atOnce, resourceBody } from "../api/client.ts";
import type { Member } from "../api/queries.ts";
import { ChangeSheet } from "../changes/change-sheet.tsx";
import { useSession } from "../shell/session.ts";
import { Choice } from "../ui/choice.tsx";
import { TextField } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { Select } from "../ui/select.tsx";
import { ownedQuery } from "./queries.ts";
import { RoleField, type RoleName } from "./role-field.tsx";

export interface MemberActing {
  readonly kind: "edit" | "disable" | "enable" | "remove";
  readonly member: Member;
}

export interface MemberActionProps {
  readonly acting: MemberActing;
  readonly members: readonly Member[];
  readonly onClose: () => void;
}

interface Props {
  readonly member: Member;
  /** With the operation that a restrictive change is followed by. */
  readonly onDone: (operation?: OperationView | null) => void;
  readonly onClose: () => void;
}

export function MemberAction({ acting: { kind, member }, members, onClose }: MemberActionProps) {
  const t = useTranslations("members");
  const client = useQueryClient();
  const [operation, setOperation] = useState<OperationView | null>(null);
  const refresh = () => {
    for (const noun of ["members", "api-keys", "agents", "session"]) {
      void client.invalidateQueries({ queryKey: [noun] });
    }
  };
  const onDone = (made?: OperationView | null) => {
    refresh();
    if (made) setOperation(made);
    else onClose();
  };
  if (operation !== null) {
    const title = t(kind === "remove" ? "removedTitle" : "disabledTitle", { name: member.attributes.name });
    return <ChangeSheet title={title} direction="refuse" operation={operation} onClose={onClose} />;
  }
  if (kind === "edit") return <EditMember member={member} onDone={onDone} onClose={onClose} />;
  if (kind === "remove") {
    const heirs = members.filter(({ id, attributes }) => id !== member.id && attributes.enabled);
    return <RemoveMember member={member} heirs={heirs} onDone={onDone} onClose={onClose} />;
  }
  return <SwitchMember member={member} on={kind === "enable"} onDone={onDone} onClose={onClose} />;
}

function EditMember({ member, onDone, onClose }: Props) {
  const t = useTranslations("members");
  const { memberId } = useSession();
  const { name, role: held } = member.attributes;
  const [role, setRole] = useState<RoleName>(held);
  const save = async (form: FormData) => {
    const attributes = { name: String(form.get("name")).trim(), ...(role === held ? {} : { role }) };
    await ask("PATCH", `/members/${member.id}`, { body: resourceBody("member", attributes) });
    onDone();
  };
  return (
    <FormDialog
      title={t("editTitle", { name })}
      submit={t("save")}
      onClose={onClose}
      onSubmit={save}
      fields={["name", "role"]}
    >
      {(errorOf) => (
        <>
          <TextField
            id="member-name"
            name="name"
            label={t("name")}
            defaultValue={name}
            error={errorOf("name")}
            maxLength={128}
            autoComplete="off"
            required
          />
          {member.id === memberId ? null : <RoleField role={role} onChange={setRole} />}
        </>
      )}
    </FormDialog>
  );
}

function SwitchMember({ member, on, onDone, onClose }: Props & { on: boolean }) {
  const t = useTranslations("members");
  const { name } = member.attributes;
  const { data } = useQuery({ ...ownedQuery(member.id), enabled: !on });
  const owned = data?.meta.total;
  const save = async () => {
    const body = resourceBody("member", { enabled: on });
    const { meta } = await ask("PATCH", `/members/${member.id}`, { body, headers: atOnce });
    onDone(meta.operation);
  };
  return (
    <FormDialog
      title={on ? `${t("enable")} ${name}` : t("disableTitle", { name })}
      submit={on ? t("enable") : t("disable")}
      danger={!on}
      onClose={onClose}
      onSubmit={save}
    >
      {() =>
        on ? (
          <p>{t("enableText", { name })}</p>
        ) : (
          <>
            <p>{t("disableText", { name })}</p>
            {owned === undefined ? null : (
              <p className="soft">
                {t("disableKeys", { count: owned })}{" "}
                {owned === 0 ? null : (
                  <Link className="link" to="/keys" search={{ owner: member.id }}>
                    {t("seeKeys")}
                  </Link>
                )}
              </p>
            )}
          </>
        )
      }
    </FormDialog>
  );
}

function RemoveMember({ member, heirs, onDone, onClose }: Props & { heirs: readonly Member[] }) {
  const t = useTranslations("members");
  const { memberId } = useSession();
  const { name } = member.attributes;
  const [fate, setFate] = useState<"deactivate" | "transfer">("deactivate");
  const [heir, setHeir] = useState(memberId);
  const remove = async () => {
    const body = { keys: fate === "deactivate" ? fate : { transferTo: heir } };
    const { meta } = await ask("DELETE", `/members/${member.id}`, { body, headers: atOnce });
    onDone(meta.operation);
  };
  return (
    <FormDialog
      title={t("removeTitle", { name })}
      submit={t("remove")}
      danger
      onClose={onClose}
      onSubmit={remove}
    >
      {() => (
        <>
          <p>{t("removeText")}</p>
          <Choice
            label={t("fate")}
            value={fate}
            onChange={setFate}
            options={[
              { value: "deactivate", label: t("fateDeactivate") },
              { value: "transfer", label: t("fateTransfer") },
            ]}
          />
          {fate === "deactivate" ? null : (
            <div>
              <span className="l">{t("heir")}</span>
              <Select
                label={t("heir")}
                value={heir}
                onChange={setHeir}
                options={heirs.map(({ id, attributes }) => ({ value: id, label: attributes.name }))}
              />
            </div>
          )}
        </>
      )}
    </FormDialog>
  );
}
