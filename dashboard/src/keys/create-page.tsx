/** `/keys/new`: the create form over the list, then the secret, once. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useBlocker, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { ask, atOnce, resourceBody } from "../api/client.ts";
import { type ApiKey, membersQuery, oldestOf, projectsQuery } from "../api/queries.ts";
import { useMay, useSession } from "../shell/session.ts";
import { Forbidden } from "../ui/forbidden.tsx";
import type { Made } from "./actions.tsx";
import { dropDraft, keepDraft, readDraft } from "./draft.ts";
import { blankValues, type KeyValues } from "./form-values.ts";
import { KeyForm } from "./key-form.tsx";
import { LeaveDialog } from "./leave-dialog.tsx";
import { type Prefill, readPrefill } from "./prefill.ts";
import { Reveal } from "./reveal.tsx";

export function CreatePage() {
  return useMay("member") ? <Start /> : <Forbidden needs="member" />;
}

function Start() {
  const { data: projects } = useQuery(projectsQuery);
  const { isPending } = useQuery(membersQuery);
  const first = oldestOf(projects);
  return first === undefined || isPending ? null : <Create projectId={first.id} />;
}

function Create({ projectId }: { projectId: string }) {
  const t = useTranslations("keyForm");
  const keys = useTranslations("keys");
  const navigate = useNavigate();
  const client = useQueryClient();
  const { prefill, forMember, blank, initial } = useStart(projectId);
  const [dirty, setDirty] = useState(false);
  const [made, setMade] = useState<Made | null>(null);
  const blocker = useBlocker({
    shouldBlockFn: () => dirty && made === null,
    enableBeforeUnload: false,
    withResolver: true,
  });
  const toList = () => void navigate({ to: "/keys" });
  const create = async (attributes: Record<string, unknown>, values: KeyValues) => {
    const path = `/projects/${values.projectId}/api-keys`;
    const body = resourceBody("api-key", attributes);
    const { data, meta } = await ask<ApiKey>("POST", path, { body, headers: atOnce });
    dropDraft();
    void client.invalidateQueries({ queryKey: ["api-keys"] });
    const { operation, secretKey: secret } = meta;
    if (operation && secret)
      setMade({ title: data.attributes.name, direction: "accept", operation, secret, apiKey: data });
  };
  if (made?.secret !== undefined) return <Reveal made={made} secret={made.secret} onClose={toList} />;
  return (
    <>
      <KeyForm
        title={forMember ? t("createForTitle") : t("createTitle")}
        submit={keys("create")}
        initial={initial}
        pristine={blank}
        editing={false}
        note={t("draft")}
        banner={<PrefillNote prefill={prefill} />}
        onChange={(values, isDirty) => {
          setDirty(isDirty);
          if (isDirty) keepDraft(values);
        }}
        onSubmit={create}
        onClose={toList}
      />
      {blocker.status === "blocked" ? (
        <LeaveDialog
          text={t("leaveText")}
          onStay={blocker.reset}
          onLeave={blocker.proceed}
          onDiscard={() => {
            dropDraft();
            blocker.proceed();
          }}
        />
      ) : null}
    </>
  );
}

function useStart(projectId: string) {
  const search = useSearch({ strict: false });
  const { memberId } = useSession();
  const { data: members = [] } = useQuery(membersQuery);
  const [start] = useState(() => {
    const forMember = search.for === "member";
    const other = members.find(({ id }) => id !== memberId)?.id;
    const blank = blankValues(forMember && other !== undefined ? other : memberId, projectId);
    const prefill = readPrefill(search);
    const initial = startingValues(blank, prefill);
    // A draft for oneself goes on as one for the member that was asked for.
    const ownerId = forMember && initial.ownerId === memberId ? blank.ownerId : initial.ownerId;
    return { forMember, blank, prefill, initial: { ...initial, ownerId } };
  });
  return start;
}

/** The address wins over a draft; a draft over a blank form. */
function startingValues(blank: KeyValues, prefill: Prefill): KeyValues {
  if (Object.keys(prefill.values).length > 0) return { ...blank, ...prefill.values };
  return readDraft(blank.ownerId, blank.projectId) ?? blank;
}

function PrefillNote({ prefill }: { prefill: Prefill }) {
  const t = useTranslations("keyForm");
  if (prefill.unknown.length === 0) return null;
  return (
    <p className="hint warn px-5 pt-4" role="status">
      {t("prefillBad", { names: prefill.unknown.join(", ") })}
    </p>
  );
}
