/** What a server offers, what of it was accepted, and what has changed since: here it is decided. */
import type { McpDiscoveryView } from "@claviger/shared/api/mcp-server";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useTranslations } from "use-intl";
import { ask, atOnce } from "../api/client.ts";
import { useMade } from "../changes/use-made.tsx";
import { Bones } from "../ui/bones.tsx";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Problem } from "../ui/problem.tsx";
import { OfferRow } from "./offer-row.tsx";
import { discover, type McpServer, type McpTool, toolsQuery } from "./queries.ts";

export interface ToolsDialogProps {
  readonly server: McpServer;
  readonly mayDecide: boolean;
  readonly onClose: () => void;
}

const ORDER = ["changed", "new", "rejected", "gone", "accepted"] as const;

/** Back to what is left to decide, once it is seen where the last decision has happened. */
export function ToolsDialog(props: ToolsDialogProps) {
  const [round, setRound] = useState(0);
  return <Tools key={round} {...props} onDecided={() => setRound((before) => before + 1)} />;
}

function Tools({ server, mayDecide, onClose, onDecided }: ToolsDialogProps & { onDecided: () => void }) {
  const t = useTranslations("mcp");
  const ui = useTranslations("ui");
  const { name } = server.attributes;
  const asking = useAsking(server, mayDecide);
  const query = useQuery(toolsQuery(server.id));
  const { sheet, decide, error, busy } = useDeciding(server, onDecided);
  const tools = (query.data ?? []).toSorted(byState);
  const waiting = tools.filter(({ attributes: { state } }) => state === "new" || state === "changed");
  if (sheet !== null) return sheet;
  const footer = (
    <>
      <span className="note" />
      {mayDecide ? (
        <Button busy={asking.isPending} disabled={asking.isPending} onClick={() => asking.mutate()}>
          {t("toolsAsk")}
        </Button>
      ) : null}
      {mayDecide && waiting.length > 0 ? (
        <Button kind="primary" busy={busy} disabled={busy} onClick={() => decide("accept", waiting)}>
          {t("acceptAll", { count: waiting.length })}
        </Button>
      ) : (
        <Button kind="primary" onClick={onClose}>
          {ui("done")}
        </Button>
      )}
    </>
  );
  return (
    <Dialog title={t("toolsTitle", { name })} onClose={onClose} footer={footer} width={720} shape="tall">
      <div className="flex-1 overflow-y-auto px-5 pb-5" aria-busy={asking.isPending}>
        <div aria-live="polite" className="grid gap-2 pb-3">
          <Asked asking={asking.isPending} discovery={asking.data} />
          {tools.length === 0 ? null : (
            <p className="strong">
              {waiting.length === 0 ? t("nothingWaits") : t("waits", { count: waiting.length })}
            </p>
          )}
        </div>
        {[asking.error, query.error, error].map((failure, n) =>
          // biome-ignore lint/suspicious/noArrayIndexKey: each has its fixed place
          failure === null ? null : <Problem key={n} error={failure} />,
        )}
        {query.data === undefined && query.error === null ? <Bones label={t("loading")} /> : null}
        {query.data?.length === 0 && !asking.isPending ? <p className="soft">{t("nothing")}</p> : null}
        <ul>
          {tools.map((tool) => (
            <OfferRow key={tool.id} tool={tool} onDecide={mayDecide && !busy ? decide : undefined} />
          ))}
        </ul>
      </div>
    </Dialog>
  );
}

function byState(a: McpTool, b: McpTool): number {
  return ORDER.indexOf(a.attributes.state) - ORDER.indexOf(b.attributes.state);
}

function Asked({ asking, discovery }: { asking: boolean; discovery: McpDiscoveryView | undefined }) {
  const t = useTranslations("mcp");
  if (asking) return <p className="soft">{t("asking")}</p>;
  if (discovery === undefined) return null;
  const { outcome, gateway, status, unreadable } = discovery;
  const failed = outcome !== "ok";
  return (
    <p className={failed ? "strong" : "soft"}>
      {t(`outcome.${outcome}`, { gateway })}
      {failed && status !== null ? ` ${t("status", { status: String(status) })}.` : null}
      {failed ? null : ` ${t("news", discovery)}.`}
      {unreadable === 0 ? null : ` ${t("unreadable", { count: unreadable })}`}
    </p>
  );
}

/** One that was never asked is asked at once. */
function useAsking({ id, attributes }: McpServer, mayAsk: boolean) {
  const client = useQueryClient();
  const asking = useMutation({
    mutationFn: () => discover(id),
    onSuccess: () => client.invalidateQueries({ queryKey: ["mcp-servers"] }),
  });
  const { mutate } = asking;
  const begun = useRef(false);
  const fresh = mayAsk && attributes.discovered === null;
  useEffect(() => {
    if (!fresh || begun.current) return;
    begun.current = true;
    mutate();
  }, [fresh, mutate]);
  return asking;
}

export type Verdict = "accept" | "reject";

/** Accepting gives by the hash that was looked at; where it has happened is shown gateway by gateway. */
function useDeciding(server: McpServer, onDecided: () => void) {
  const t = useTranslations("mcp");
  const { sheet, finish } = useMade(onDecided, "mcp-servers");
  const deciding = useMutation({
    mutationFn: async ({ verdict, tools }: { verdict: Verdict; tools: readonly McpTool[] }) => {
      const named = tools.map(({ attributes: { kind, name, hash } }) =>
        verdict === "accept" && hash !== null ? { kind, name, hash } : { kind, name },
      );
      const path = `/mcp-servers/${server.id}/tools/${verdict}`;
      const { meta } = await ask("POST", path, { body: { tools: named }, headers: atOnce });
      return { verdict, operation: meta.operation };
    },
    onSuccess: ({ verdict, operation }) => {
      const { name } = server.attributes;
      const direction = verdict === "accept" ? "hold" : "refuse";
      finish({ title: t("changedTitle", { name }), direction, operation });
    },
  });
  return {
    sheet,
    error: deciding.error,
    busy: deciding.isPending,
    decide: (verdict: Verdict, tools: readonly McpTool[]) => deciding.mutate({ verdict, tools }),
  };
}
