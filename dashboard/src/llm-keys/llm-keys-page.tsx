/** `/llm-keys`: the provider credentials that gateways call with. */
import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { llmKeysQuery } from "../api/queries.ts";
import { PageHead } from "../shell/page-head.tsx";
import { useMay } from "../shell/session.ts";
import { Button } from "../ui/button.tsx";
import { Loaded } from "../ui/loaded.tsx";
import { Nothing } from "../ui/nothing.tsx";
import { type LlmActing, LlmKeyAction } from "./actions.tsx";
import { LlmKeyTable } from "./table.tsx";

export function LlmKeysPage() {
  const t = useTranslations("llmKeys");
  const lead = t.rich("lead", { b: (chunks) => <b className="mono strong">{chunks}</b> });
  return (
    <LlmKeys projectId={undefined}>
      {(add) => <PageHead title={t("title")} lead={lead} actions={add ?? undefined} />}
    </LlmKeys>
  );
}

export interface LlmKeysProps {
  /** Only those of this project. */
  readonly projectId: string | undefined;
  readonly children: (add: React.ReactNode) => React.ReactNode;
}

export function LlmKeys({ projectId, children }: LlmKeysProps) {
  const t = useTranslations("llmKeys");
  const query = useQuery(llmKeysQuery);
  const admin = useMay("admin");
  const [acting, setActing] = useState<LlmActing | null>(null);
  const add = admin ? (
    <Button kind="primary" icon={Plus} onClick={() => setActing({ kind: "add", projectId })}>
      {t("add")}
    </Button>
  ) : null;
  return (
    <>
      {children(add)}
      <Loaded query={query}>
        {(all) => {
          const keys = all.filter(
            ({ attributes }) => projectId === undefined || attributes.projectId === projectId,
          );
          if (keys.length === 0) return <Nothing title={t("emptyTitle")} text={t("empty")} />;
          return <LlmKeyTable keys={keys} onAct={admin ? setActing : undefined} />;
        }}
      </Loaded>
      {acting === null ? null : <LlmKeyAction acting={acting} onClose={() => setActing(null)} />}
    </>
  );
}
