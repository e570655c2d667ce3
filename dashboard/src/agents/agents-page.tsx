/** `/agents`: OAuth clients, what each may use, and everything that can be done with one. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { type Agent, agentsQuery } from "../api/queries.ts";
import { type Acting, KeyAction, type Made } from "../keys/actions.tsx";
import { Reveal } from "../keys/reveal.tsx";
import { TokenSnippet } from "../keys/token-snippet.tsx";
import { useKeyboard } from "../shell/keyboard.ts";
import { PageHead } from "../shell/page-head.tsx";
import { useMay } from "../shell/session.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Loaded } from "../ui/loaded.tsx";
import { Nothing } from "../ui/nothing.tsx";
import { AgentForm } from "./agent-form.tsx";
import { AgentTable } from "./agent-table.tsx";

/** What lies over the list. */
type Over =
  | { readonly kind: "create" }
  | { readonly kind: "made"; readonly made: Made }
  | { readonly kind: "act"; readonly acting: Acting }
  | { readonly kind: "tokens"; readonly agent: Agent };

export function AgentsPage() {
  const t = useTranslations("agents");
  const may = useMay("member");
  const query = useQuery(agentsQuery);
  const [over, setOver] = useState<Over | null>(null);
  const create = () => setOver({ kind: "create" });
  useKeyboard({ c: () => may && create() });
  const add = (
    <Button kind="primary" icon={Plus} onClick={create}>
      {t("add")}
    </Button>
  );
  return (
    <>
      <PageHead title={t("title")} lead={t("lead")} actions={may ? add : undefined} />
      <Loaded query={query}>
        {(agents) =>
          agents.length === 0 ? (
            <Nothing title={t("noAgents")} text={t("noAgentsText")} />
          ) : (
            <AgentTable
              agents={agents}
              onAct={(acting) => setOver({ kind: "act", acting })}
              onTokens={(agent) => setOver({ kind: "tokens", agent })}
            />
          )
        }
      </Loaded>
      {over === null ? null : <OverList over={over} onOver={setOver} />}
    </>
  );
}

function OverList({ over, onOver }: { over: Over; onOver: (over: Over | null) => void }) {
  const client = useQueryClient();
  const close = () => {
    void client.invalidateQueries({ queryKey: agentsQuery.queryKey });
    onOver(null);
  };
  switch (over.kind) {
    case "create":
      return <AgentForm onClose={close} onMade={(made) => onOver({ kind: "made", made })} />;
    case "made":
      return <Reveal made={over.made} secret={over.made.secret ?? ""} onClose={close} />;
    case "act":
      return <KeyAction acting={over.acting} onClose={close} />;
    case "tokens":
      return <Tokens agent={over.agent} onClose={close} />;
  }
}

function Tokens({ agent, onClose }: { agent: Agent; onClose: () => void }) {
  const t = useTranslations("agents");
  const footer = (
    <>
      <span className="note" />
      <Button onClick={onClose}>{t("close")}</Button>
    </>
  );
  return (
    <Dialog title={agent.attributes.name} onClose={onClose} width={640} footer={footer}>
      <div className="body-scroll">
        <TokenSnippet agent={agent} />
      </div>
    </Dialog>
  );
}
