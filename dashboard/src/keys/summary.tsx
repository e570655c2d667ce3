/** What the key will be able to do, in plain words; what is open-ended is said as a warning. */

import {
  Boxes,
  CalendarClock,
  CircleAlert,
  Gauge,
  Hourglass,
  type LucideIcon,
  Plug,
  ShieldCheck,
  Wallet,
} from "lucide-react";
import type { ReactNode } from "react";
import { useTranslations } from "use-intl";
import { Icon } from "../ui/icon.tsx";
import { useNow } from "../ui/now.tsx";
import { dollars, exact, span } from "../words/format.ts";
import { expiryOf, type KeyValues } from "./form-values.ts";
import { canonical } from "./ip.ts";

type Tone = "plain" | "warn" | "err";
type Words = ReturnType<typeof useTranslations<"keyForm">>;
type Line = readonly [tone: Tone, icon: LucideIcon, words: ReactNode];

const b = (chunks: ReactNode) => <b className="num">{chunks}</b>;

export function Summary({ values }: { values: KeyValues }) {
  const t = useTranslations("keyForm");
  const now = useNow();
  const lines = [
    untilLine(t, values, now),
    budgetLine(t, values),
    rateLine(t, values),
    modelLine(t, values),
    ipLine(t, values),
    mcpLine(t, values),
    staleLine(t, values),
  ];
  return (
    <aside className="sum" aria-live="polite" aria-label={t("sumTitle")}>
      <h3>{t("sumTitle")}</h3>
      <ul>
        {lines.map(([tone, icon, words], n) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: every line has its fixed place
          <li key={n} className={tone === "plain" ? undefined : tone}>
            <Icon of={icon} />
            <span>{words}</span>
          </li>
        ))}
      </ul>
    </aside>
  );
}

function untilLine(t: Words, values: KeyValues, now: number): Line {
  const at = expiryOf(values, now);
  const where =
    values.gatewayIds.length === 0 ? t("anyGateway") : t("someGateways", { count: values.gatewayIds.length });
  if (at === null) return ["warn", CalendarClock, t.rich("sumForever", { where, b })];
  return ["plain", CalendarClock, t.rich("sumUntil", { at: at === undefined ? "…" : exact(at), where, b })];
}

function budgetLine(t: Words, { budgetUsd, budgetPeriod, thresholds }: KeyValues): Line {
  const text = budgetUsd.trim();
  if (text === "") return ["warn", Wallet, t.rich("sumNoBudget", { b })];
  if (!/^\d+(\.\d+)?$/.test(text)) return ["err", CircleAlert, t.rich("sumNoBudget", { b })];
  if (Number(text) === 0) return ["plain", Wallet, t.rich("sumNothing", { b })];
  const alerts = thresholds.length === 0 ? "" : t("sumAlerts", { list: thresholds.join(", ") });
  return [
    "plain",
    Wallet,
    t.rich("sumBudget", { amount: dollars(text), period: t(budgetPeriod), alerts, b }),
  ];
}

function rateLine(t: Words, { requestsPerMinute, tokensPerMinute }: KeyValues): Line {
  const requests =
    requestsPerMinute === ""
      ? t("sumAnyRequests")
      : t("sumRequests", { count: Number(requestsPerMinute) || 0 });
  const tokens =
    tokensPerMinute === "" ? t("sumAnyTokens") : t("sumTokens", { count: Number(tokensPerMinute) || 0 });
  return ["plain", Gauge, t.rich("sumRates", { requests, tokens, b })];
}

function modelLine(t: Words, { providers, models }: KeyValues): Line {
  if (providers.length === 0 && models.length === 0) return ["plain", Boxes, t.rich("sumAllModels", { b })];
  return [
    "plain",
    Boxes,
    t.rich("sumModels", {
      providers: providers.length === 0 ? t("anyProvider") : providers.join(", "),
      models: models.length === 0 ? t("anyModel") : t("someModels", { count: models.length }),
      b,
    }),
  ];
}

function ipLine(t: Words, { ips }: KeyValues): Line {
  if (ips.length === 0) return ["warn", ShieldCheck, t.rich("sumAnyIp", { b })];
  const bad = ips.filter((ip) => canonical(ip) === undefined);
  if (bad.length > 0) return ["err", CircleAlert, t.rich("sumIpError", { list: bad.join(", "), b })];
  return ["plain", ShieldCheck, t.rich("sumIps", { count: ips.length, b })];
}

function mcpLine(t: Words, values: KeyValues): Line {
  const { mcpEnabled, mcpMode, mcpServers, mcpTools, toolCallsPerMinute } = values;
  if (!mcpEnabled) return ["plain", Plug, t("sumMcpOff")];
  const words = {
    "allow-all": () => t.rich("sumMcpAll", { b }),
    "deny-all": () => t("sumMcpNone"),
    "allow-list": () => t.rich("sumMcpAllow", { count: mcpServers.length, b }),
    "deny-list": () => t.rich("sumMcpDeny", { count: mcpServers.length, b }),
  };
  const lists = mcpMode === "deny-all" ? [] : Object.values(mcpTools);
  const count = lists.reduce((sum, tools) => sum + tools.length, 0);
  const line = (
    <>
      {words[mcpMode]()}
      {lists.length === 0 ? null : <> {t.rich("sumMcpTools", { servers: lists.length, count, b })}</>}
      {toolCallsPerMinute === "" ? null : (
        <> {t.rich("sumToolCalls", { count: Number(toolCallsPerMinute) || 0, b })}</>
      )}
    </>
  );
  return [mcpMode === "allow-all" ? "warn" : "plain", Plug, line];
}

function staleLine(t: Words, { stalenessSeconds }: KeyValues): Line {
  return ["plain", Hourglass, t.rich("sumStale", { span: span(Number(stalenessSeconds) * 1000), b })];
}
