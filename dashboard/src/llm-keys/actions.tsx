import type { LlmApiKeyImpactView } from "@claviger/shared/api/llm-api-key";
import { queryOptions, useQuery } from "@tanstack/react-query";
import { useTranslations } from "use-intl";
import { ask, atOnce } from "../api/client.ts";
import type { LlmApiKey } from "../api/queries.ts";
import { type MadeChange, useMade } from "../changes/use-made.tsx";
import { TextField } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { LlmKeyForm } from "./llm-key-form.tsx";
import { TestDialog } from "./test-dialog.tsx";

export type LlmActing =
  | { readonly kind: "add"; readonly projectId: string | undefined }
  | { readonly kind: "test" | "edit" | "rotate" | "delete"; readonly llmKey: LlmApiKey };

export function LlmKeyAction({ acting, onClose }: { acting: LlmActing; onClose: () => void }) {
  const { sheet, finish } = useMade(onClose, "llm-api-keys");
  if (sheet !== null) return sheet;
  switch (acting.kind) {
    case "add":
      return <LlmKeyForm llmKey={undefined} projectId={acting.projectId} onClose={onClose} onMade={finish} />;
    case "test":
      return <TestDialog llmKey={acting.llmKey} onClose={onClose} />;
    case "edit":
      return <LlmKeyForm llmKey={acting.llmKey} projectId={undefined} onClose={onClose} onMade={finish} />;
    case "rotate":
      return <RotateLlmKey llmKey={acting.llmKey} onClose={onClose} onMade={finish} />;
    case "delete":
      return <DeleteLlmKey llmKey={acting.llmKey} onClose={onClose} onMade={finish} />;
  }
}

interface ActionProps {
  readonly llmKey: LlmApiKey;
  readonly onClose: () => void;
  readonly onMade: (made: MadeChange) => void;
}

function RotateLlmKey({ llmKey, onClose, onMade }: ActionProps) {
  const t = useTranslations("llmKeys");
  const { name } = llmKey.attributes;
  const rotate = async (form: FormData) => {
    const body = { secretKey: String(form.get("secretKey")) };
    const { meta } = await ask("POST", `/llm-api-keys/${llmKey.id}/rotate`, { body, headers: atOnce });
    onMade({ title: t("changedTitle", { name }), direction: "hold", operation: meta.operation });
  };
  return (
    <FormDialog
      title={t("rotateTitle", { name })}
      submit={t("rotate")}
      onClose={onClose}
      onSubmit={rotate}
      fields={["secretKey"]}
    >
      {(errorOf) => (
        <>
          <p className="soft">{t("rotateText")}</p>
          <TextField
            id="llm-secretKey"
            name="secretKey"
            type="password"
            autoComplete="off"
            required
            label={t("secret")}
            hint={t("secretHint")}
            error={errorOf("secretKey")}
          />
        </>
      )}
    </FormDialog>
  );
}

function DeleteLlmKey({ llmKey, onClose, onMade }: ActionProps) {
  const t = useTranslations("llmKeys");
  const { name, provider } = llmKey.attributes;
  const { data: impact } = useQuery(impactQuery(llmKey.id));
  const remove = async () => {
    const { meta } = await ask("DELETE", `/llm-api-keys/${llmKey.id}`, { headers: atOnce });
    onMade({ title: t("deletedTitle", { name }), direction: "refuse", operation: meta.operation });
  };
  return (
    <FormDialog
      title={t("deleteTitle", { name })}
      submit={t("delete")}
      danger
      onClose={onClose}
      onSubmit={remove}
    >
      {() => (
        <>
          <p>{t("deleteText", { provider })}</p>
          {impact === undefined ? null : <Impact impact={impact} provider={provider} />}
        </>
      )}
    </FormDialog>
  );
}

function impactQuery(id: string) {
  return queryOptions({
    queryKey: ["llm-api-keys", "impact", id],
    queryFn: async ({ signal }) => (await ask("GET", `/llm-api-keys/${id}/impact`, { signal })).meta.impact,
    staleTime: 0,
  });
}

function Impact({ impact, provider }: { impact: LlmApiKeyImpactView; provider: string }) {
  const t = useTranslations("llmKeys");
  if (impact.apiKeys === 0) return <p className="strong">{t("breaksNothing")}</p>;
  return (
    <>
      {impact.lastOfProvider ? <p>{t("lastOfProvider", { provider })}</p> : null}
      <p className="strong">{t("breaks", { count: impact.apiKeys, models: impact.models })}</p>
      {impact.apiKeysLeftWithoutModels === 0 ? null : (
        <p className="strong">{t("leftWithout", { count: impact.apiKeysLeftWithoutModels })}</p>
      )}
    </>
  );
}
