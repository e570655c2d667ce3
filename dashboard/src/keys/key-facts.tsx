import type { BudgetState } from "@claviger/shared/api/budget";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslations } from "use-intl";
import { type ApiKey, fleetQuery, projectsQuery } from "../api/queries.ts";
import { CopyIcon } from "../ui/copy.tsx";
import { Day, Expiry, LastUsed } from "../ui/now.tsx";
import { count, dollars, exact, span } from "../words/format.ts";
import { Propagation } from "./propagation.tsx";

/** What is true of a key, in two columns of facts. */
export function KeyFacts({ apiKey }: { apiKey: ApiKey }) {
  return (
    <div className="grid gap-4 lg:grid-cols-2">
      <Identity apiKey={apiKey} />
      <Limits apiKey={apiKey} />
    </div>
  );
}

function Facts({ title, rows }: { title: string; rows: readonly (readonly [string, ReactNode])[] }) {
  return (
    <section className="panel px-4 pt-3 pb-2" aria-label={title}>
      <dl className="detail-grid">
        {rows.map(([name, value]) => (
          <FactRow key={name} name={name} value={value} />
        ))}
      </dl>
    </section>
  );
}

function FactRow({ name, value }: { name: string; value: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}

function Identity({ apiKey: { id, attributes } }: { apiKey: ApiKey }) {
  const t = useTranslations("keyDetail");
  const { data: projects = [] } = useQuery(projectsQuery);
  const project = projects.find((one) => one.id === attributes.projectId)?.attributes.name;
  const rows = [
    [
      t("id"),
      <>
        <span className="mono">{id}</span>
        <CopyIcon text={id} label={t("copyId")} />
      </>,
    ],
    [
      t("preview"),
      <>
        <span className="mono">{attributes.preview}</span>
        <CopyIcon text={attributes.preview} label={t("copyPreview")} />
      </>,
    ],
    [
      t("heldBy"),
      <Propagation key="gw" revision={attributes.revision} muted={attributes.status !== "active"} />,
    ],
    [t("owner"), attributes.ownerName],
    [t("project"), project ?? attributes.projectId],
    [t("created"), <Day key="created" at={attributes.createdAt} />],
    [t("expires"), <Expiry key="expires" at={attributes.expiresAt} />],
    [t("lastUsed"), <LastUsed key="used" at={attributes.lastUsedAt} />],
    [
      t("requests"),
      <span key="requests" className="num">
        {t("requestsValue", { count: attributes.requests, percent: attributes.usagePercent })}{" "}
        <Link className="link" to="/usage" search={{ key: id, by: "model" }}>
          {t("usage")}
        </Link>{" "}
        <Link className="link" to="/logs" search={{ key: id }}>
          {t("logs")}
        </Link>
      </span>,
    ],
    [t("generation"), t("generationValue", { count: attributes.generation })],
  ] as const;
  return <Facts title={t("id")} rows={rows} />;
}

/** The figures by which gateways refuse, not a copy of them. */
function Standing({ spentUsd, heldUsd, endsAt }: BudgetState) {
  const t = useTranslations("keyDetail");
  const amounts = { spent: dollars(spentUsd), held: dollars(heldUsd) };
  return (
    <span className="num" title={`$${spentUsd}, $${heldUsd}`}>
      {endsAt === null ? t("budgetOnce", amounts) : t("budgetUntil", { ...amounts, at: exact(endsAt) })}
    </span>
  );
}

function Limits({ apiKey: { attributes } }: { apiKey: ApiKey }) {
  const t = useTranslations("keyDetail");
  const form = useTranslations("keyForm");
  const { data: fleet = [] } = useQuery(fleetQuery);
  const { requestsPerMinute: requests, tokensPerMinute: tokens, budgetUsd, budgetPeriod } = attributes;
  const rates = [
    requests === null ? form("sumAnyRequests") : form("sumRequests", { count: requests }),
    tokens === null ? form("sumAnyTokens") : form("sumTokens", { count: tokens }),
  ];
  const names = (list: readonly string[] | null, all: string) => (list === null ? all : list.join(", "));
  const gateways = attributes.gatewayIds?.map(
    (id) => fleet.find((one) => one.id === id)?.attributes.name ?? id,
  );
  const budget =
    budgetUsd === null
      ? t("noBudget")
      : t("budgetValue", { amount: dollars(budgetUsd), period: form(budgetPeriod ?? "total") });
  const { budgetState } = attributes;
  const metadata = Object.entries(attributes.metadata);
  const rows = [
    [t("budget"), budget],
    ...(budgetState === null
      ? []
      : [[t("budgetStands"), <Standing key="standing" {...budgetState} />] as const]),
    [t("rates"), t("ratesValue", { rates: rates.join(", ") })],
    [form("providers"), names(attributes.allowedProviders, form("anyProvider"))],
    [t("models"), names(attributes.allowedModels, form("anyModel"))],
    [t("ips"), names(attributes.ipAllowlist, t("anyIp"))],
    [t("gateways"), gateways === undefined ? t("allGateways") : gateways.join(", ")],
    [t("mcp"), <Mcp key="mcp" attributes={attributes} />],
    ...(attributes.toolCallsPerMinute === null
      ? []
      : [[t("toolCalls"), count(attributes.toolCallsPerMinute)] as const]),
    [t("staleness"), t("stalenessValue", { span: span(attributes.maxStalenessSeconds * 1000) })],
    [
      t("metadata"),
      metadata.length === 0 ? (
        "–"
      ) : (
        <span key="metadata" className="mono">
          {JSON.stringify(attributes.metadata)}
        </span>
      ),
    ],
  ] as const;
  return <Facts title={t("limits")} rows={rows} />;
}

/** How the key may use MCP, with the servers that its mode names and the tools that they are narrowed to. */
function Mcp({ attributes: { mcp } }: Pick<ApiKey, "attributes">) {
  const t = useTranslations("keyDetail");
  const form = useTranslations("keyForm");
  if (!mcp.enabled) return form("sumMcpOff");
  const mode = form(mcp.mode ?? "deny-all");
  const tools = Object.entries(mcp.tools ?? {});
  const count = tools.reduce((sum, [, names]) => sum + names.length, 0);
  return (
    <>
      {mcp.servers === undefined ? mode : t("mcpServers", { mode, servers: mcp.servers.join(", ") })}
      {tools.length === 0 ? null : (
        <>
          .{" "}
          {form.rich("sumMcpTools", {
            servers: tools.length,
            count,
            b: (chunks) => <b className="num">{chunks}</b>,
          })}
        </>
      )}
    </>
  );
}
