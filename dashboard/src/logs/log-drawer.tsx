import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslations } from "use-intl";
import { fleetQuery } from "../api/queries.ts";
import { Bones } from "../ui/bones.tsx";
import { Button } from "../ui/button.tsx";
import { CopyButton, CopyIcon } from "../ui/copy.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Problem } from "../ui/problem.tsx";
import { dollars, localAndUtc } from "../words/format.ts";
import { Answered } from "./answered.tsx";
import { Bodies } from "./bodies.tsx";
import { type LogEntry, recordsQuery } from "./records.ts";
import { Waterfall } from "./waterfall.tsx";

export interface LogDrawerProps {
  readonly requestId: string;
  /** Those that the page has; of another request the gateways are asked. */
  readonly rows: readonly LogEntry[];
  readonly onClose: () => void;
}

/** One request: what came in, what was decided and why, how long its parts took. */
export function LogDrawer({ requestId, rows, onClose }: LogDrawerProps) {
  const t = useTranslations("records");
  const ui = useTranslations("ui");
  const known = lastAttempt(rows, requestId);
  const query = useQuery({
    ...recordsQuery<LogEntry>({ noun: "logs", filters: { requestId }, after: undefined, live: false }),
    enabled: known === undefined,
  });
  const entry = known ?? lastAttempt(query.data?.data ?? [], requestId);
  const curl = useCurl(entry);
  const footer = (
    <>
      <span className="note" />
      {curl === undefined ? null : <CopyButton text={curl} label={t("asCurl")} />}
      <Button onClick={onClose}>{ui("close")}</Button>
    </>
  );
  return (
    <Dialog title={t("request")} onClose={onClose} shape="sheet" footer={footer}>
      <div className="body-pad flex-1">
        {entry !== undefined ? (
          <Details entry={entry} />
        ) : query.data !== undefined ? (
          <>
            <p className="strong mb-2">{t("notFound")}</p>
            <Answered meta={query.data.meta} atMs={query.dataUpdatedAt} />
          </>
        ) : query.error !== null ? (
          <Problem error={query.error} onRetry={() => void query.refetch()} />
        ) : (
          <Bones label={ui("loading")} />
        )}
      </div>
    </Dialog>
  );
}

/** What the caller got: the attempts before it stand in it. */
function lastAttempt(rows: readonly LogEntry[], requestId: string): LogEntry | undefined {
  return rows
    .filter(({ attributes }) => attributes.requestId === requestId)
    .toSorted((a, b) => (a.attributes.attempt ?? 1) - (b.attributes.attempt ?? 1))
    .at(-1);
}

function Details({ entry: { attributes } }: { entry: LogEntry }) {
  const rows = useRows(attributes);
  return (
    <>
      <Waterfall row={attributes} />
      <dl className="detail-grid">
        {rows.map(([name, value]) => (
          <Row key={name} name={name} value={value} />
        ))}
      </dl>
      <Bodies requestId={attributes.requestId} />
    </>
  );
}

/** The same request again, from a shell: without what was said in it, which is not kept with it, and without its secret. */
function useCurl(entry: LogEntry | undefined): string | undefined {
  const { data: fleet = [] } = useQuery(fleetQuery);
  if (entry === undefined) return undefined;
  const { gatewayId, method, path, model, provider, mcp } = entry.attributes;
  const url = fleet.find(({ id }) => id === gatewayId)?.attributes.publicUrl ?? "https://YOUR-GATEWAY";
  const asked = model === null ? "MODEL" : provider === null ? model : `${provider}/${model}`;
  const body = JSON.stringify(
    mcp === undefined
      ? { model: asked, messages: [{ role: "user", content: "…" }] }
      : {
          jsonrpc: "2.0",
          id: 1,
          method: mcp.method,
          params: mcp.name === undefined ? {} : { name: mcp.name },
        },
  );
  return [
    `curl ${url}${path} -X ${method} \\`,
    `  -H "authorization: Bearer $CLAVIGER_API_KEY" -H "content-type: application/json" \\`,
    ...(mcp === undefined ? [] : [`  -H "accept: application/json, text/event-stream" \\`]),
    `  -d '${body.replaceAll("'", "'\\''")}'`,
  ].join("\n");
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
  const { keyId, tokens, firstByteMs, totalMs, costUsd } = attributes;
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
    ...useCalled(attributes),
    [t("surface"), attributes.streamed ? `${attributes.surface}, ${t("streamed")}` : attributes.surface],
    [
      t("ip"),
      <span key="ip" className="mono">
        {attributes.ip}
      </span>,
    ],
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

/** The model and its provider, or the tool and its server with what came of the call. */
function useCalled({ mcp, model, provider }: LogEntry["attributes"]): [string, ReactNode][] {
  const t = useTranslations("records");
  const mono = (name: string, text: string): [string, ReactNode] => [
    name,
    <span key={name} className="mono">
      {text}
    </span>,
  ];
  if (mcp === undefined) return [mono(t("model"), model ?? "–"), [t("provider"), provider ?? "–"]];
  return [
    mono(t("mcpServer"), mcp.server === "" ? "–" : mcp.server),
    mono(t("mcpMethod"), mcp.method),
    mono(t("mcpTool"), mcp.name ?? "–"),
    [t("mcpOutcome"), t(`mcpOutcomes.${mcp.outcome}`)],
    [t("decidedBy"), `${mcp.epoch}.${mcp.rev}`],
  ];
}

function useDecision({ code, decision }: LogEntry["attributes"]): string {
  const t = useTranslations("records");
  if (code === null) return t("decisionAdmitted");
  return t(decision === "admitted" ? "decisionFailed" : "decisionRefused", { code });
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
