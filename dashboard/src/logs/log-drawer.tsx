import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslations } from "use-intl";
import { Button } from "../ui/button.tsx";
import { CopyIcon } from "../ui/copy.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { dollars, localAndUtc } from "../words/format.ts";
import type { LogEntry } from "./records.ts";

/** One request: what came in, what was decided and why, how long its parts took. */
export function LogDrawer({ entry: { attributes }, onClose }: { entry: LogEntry; onClose: () => void }) {
  const t = useTranslations("records");
  const ui = useTranslations("ui");
  const rows = useRows(attributes);
  return (
    <Dialog
      title={t("request")}
      onClose={onClose}
      shape="sheet"
      footer={
        <>
          <span className="note" />
          <Button onClick={onClose}>{ui("close")}</Button>
        </>
      }
    >
      <div className="body-pad flex-1">
        <dl className="detail-grid">
          {rows.map(([name, value]) => (
            <Row key={name} name={name} value={value} />
          ))}
        </dl>
      </div>
    </Dialog>
  );
}

function Row({ name, value }: { name: string; value: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}

function useRows(attributes: LogEntry["attributes"]): [string, ReactNode][] {
  const t = useTranslations("records");
  const { keyId, tokens, firstByteMs, totalMs, costUsd, attempts } = attributes;
  return [
    [t("decision"), useDecision(attributes)],
    [t("status"), String(attributes.status)],
    [t("at"), localAndUtc(attributes.at)],
    [t("gateway"), `${attributes.gateway} (${attributes.replica})`],
    [
      t("requestId"),
      <span key="request" className="flex items-center gap-1">
        <span className="mono">{attributes.requestId}</span>
        <CopyIcon text={attributes.requestId} label={t("copyRequestId")} />
      </span>,
    ],
    [
      t("keyId"),
      keyId === null ? (
        "–"
      ) : (
        <Link key="key" className="link mono" to="/keys/$keyId" params={{ keyId }}>
          {keyId}
        </Link>
      ),
    ],
    [t("request"), <span key="path" className="mono">{`${attributes.method} ${attributes.path}`}</span>],
    [
      t("model"),
      <span key="model" className="mono">
        {attributes.model ?? "–"}
      </span>,
    ],
    [t("provider"), attributes.provider ?? "–"],
    [t("surface"), attributes.streamed ? `${attributes.surface}, ${t("streamed")}` : attributes.surface],
    [
      t("ip"),
      <span key="ip" className="mono">
        {attributes.ip}
      </span>,
    ],
    ...useAttempts(attempts),
    [t("tokens"), useTokens(tokens)],
    [t("cost"), costUsd === null ? "–" : dollars(costUsd)],
    [t("firstByte"), firstByteMs === null ? "–" : t("ms", { ms: Math.round(firstByteMs) })],
    [t("total"), t("ms", { ms: Math.round(totalMs) })],
    [
      t("metadata"),
      <span key="metadata" className="mono">
        {JSON.stringify(attributes.metadata)}
      </span>,
    ],
  ];
}

function useDecision({ code, decision }: LogEntry["attributes"]): string {
  const t = useTranslations("records");
  if (code === null) return t("decisionAdmitted");
  return t(decision === "admitted" ? "decisionFailed" : "decisionRefused", { code });
}

/** Those whose failure the last one made good for, or could not. */
function useAttempts(attempts: LogEntry["attributes"]["attempts"] = []): [string, ReactNode][] {
  const t = useTranslations("records");
  if (attempts.length === 0) return [];
  const said = attempts.map(({ model, provider, status, code, ms }, n) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: attempts are in their order for ever
    <li key={n}>
      {t("attempt", { model, provider, status: String(status), code: code ?? "–", ms: Math.round(ms) })}
    </li>
  ));
  return [[t("attempts"), <ol key="attempts">{said}</ol>]];
}

/** Input and output, with the parts of them that are priced apart. */
function useTokens(tokens: LogEntry["attributes"]["tokens"]): string {
  const t = useTranslations("records");
  if (tokens === null) return "–";
  const parts = [`${tokens.input ?? "–"} / ${tokens.output ?? "–"}`];
  if (tokens.cacheRead) parts.push(t("cacheRead", { count: tokens.cacheRead }));
  if (tokens.reasoning) parts.push(t("reasoning", { count: tokens.reasoning }));
  return parts.join(", ");
}
