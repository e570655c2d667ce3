/** What each gateway says of an LLM key's provider, asked at this moment. */
import type { LlmApiKeyTestView } from "@claviger/shared/api/llm-api-key";
import { queryOptions, useQuery } from "@tanstack/react-query";
import { Ban, CircleCheck, type LucideIcon, ShieldAlert, Unplug } from "lucide-react";
import { useTranslations } from "use-intl";
import { ask } from "../api/client.ts";
import type { LlmApiKey } from "../api/queries.ts";
import { Bones } from "../ui/bones.tsx";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { Problem } from "../ui/problem.tsx";

type GatewayTest = LlmApiKeyTestView["gateways"][number];

/** Asked anew whenever the dialog opens: yesterday's answer says nothing. */
function testQuery(id: string) {
  return queryOptions({
    queryKey: ["llm-api-keys", "test", id],
    queryFn: async ({ signal }) => {
      const { meta } = await ask("POST", `/llm-api-keys/${id}/test`, { body: {}, signal });
      return meta.test ?? { outcome: "no_answer" as const, gateways: [] };
    },
    ...{ staleTime: 0, gcTime: 0, retry: false, refetchOnWindowFocus: false, refetchOnReconnect: false },
  });
}

export function TestDialog({ llmKey, onClose }: { llmKey: LlmApiKey; onClose: () => void }) {
  const t = useTranslations("llmKeys");
  const ui = useTranslations("ui");
  const { name, provider } = llmKey.attributes;
  const { data, error, isFetching, refetch } = useQuery(testQuery(llmKey.id));
  const footer = (
    <>
      <span className="note" />
      <Button busy={isFetching} disabled={isFetching} onClick={() => void refetch()}>
        {t("testAgain")}
      </Button>
      <Button kind="primary" onClick={onClose}>
        {ui("done")}
      </Button>
    </>
  );
  return (
    <Dialog title={t("testTitle", { name })} onClose={onClose} footer={footer} width={560}>
      <div className="form overflow-y-auto pt-0!" aria-live="polite" aria-busy={isFetching}>
        <p className="soft">{t("testText", { provider })}</p>
        {error === null ? null : <Problem error={error} />}
        {data !== undefined && !isFetching ? (
          <ul className="grid gap-3">
            {data.gateways.map((gateway) => (
              <Lane key={gateway.gatewayId} gateway={gateway} />
            ))}
          </ul>
        ) : error === null ? (
          <Bones label={t("testing")} />
        ) : null}
      </div>
    </Dialog>
  );
}

const looks: Record<GatewayTest["outcome"], readonly [tone: string, icon: LucideIcon]> = {
  ok: ["healthy", CircleCheck],
  auth_failed: ["revoked", Ban],
  blocked: ["revoked", ShieldAlert],
  unreachable: ["down", Unplug],
  unexpected_answer: ["degraded", ShieldAlert],
  not_held: ["degraded", Unplug],
  no_answer: ["down", Unplug],
};

function Lane({ gateway }: { gateway: GatewayTest }) {
  const t = useTranslations("llmKeys");
  const { name, outcome, latencyMs, status, models } = gateway;
  const [tone, icon] = looks[outcome];
  const figures = [
    ...(latencyMs === null ? [] : [t("testFigures", { ms: latencyMs })]),
    ...(status === null || outcome === "ok" ? [] : [t("testStatus", { status: String(status) })]),
    ...(models === null ? [] : [t("testModels", { count: models })]),
  ];
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1">
      <b className="strong mono">{name}</b>
      <span className={`st ${tone}`}>
        <Icon of={icon} small />
        {t(`outcome.${outcome}`)}
      </span>
      <span className="grow" />
      <span className="num soft">{figures.join(" · ")}</span>
    </li>
  );
}
