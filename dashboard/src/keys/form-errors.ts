/** Where a finding belongs: the contract's own schema and the API speak of attributes, the form of fields and tabs. */
import { ApiKeyCreate } from "@claviger/shared/api/api-key";
import { RequestFailed } from "../api/client.ts";
import type { KeyValues } from "./form-values.ts";

export type TabName = "basic" | "advanced" | "mcp";
export type FieldName = keyof KeyValues;

interface Place {
  readonly field: FieldName;
  readonly tab: TabName;
}

const places: Record<string, Place> = {
  name: { field: "name", tab: "basic" },
  note: { field: "name", tab: "basic" },
  ownerId: { field: "ownerId", tab: "basic" },
  expiresAt: { field: "expiresAt", tab: "basic" },
  requestsPerMinute: { field: "requestsPerMinute", tab: "basic" },
  tokensPerMinute: { field: "tokensPerMinute", tab: "basic" },
  budgetUsd: { field: "budgetUsd", tab: "basic" },
  budgetPeriod: { field: "budgetUsd", tab: "basic" },
  budgetAlertThresholds: { field: "thresholds", tab: "basic" },
  allowedProviders: { field: "providers", tab: "basic" },
  maxConcurrency: { field: "maxConcurrency", tab: "advanced" },
  allowedModels: { field: "models", tab: "advanced" },
  ipAllowlist: { field: "ips", tab: "advanced" },
  metadata: { field: "metadataJson", tab: "advanced" },
  maxStalenessSeconds: { field: "stalenessSeconds", tab: "advanced" },
  gatewayIds: { field: "gatewayIds", tab: "advanced" },
  toolCallsPerMinute: { field: "toolCallsPerMinute", tab: "mcp" },
  mcp: { field: "mcpServers", tab: "mcp" },
};

/** Plain words where a schema would speak of types. */
const plain: Partial<Record<FieldName, string>> = {
  name: "Give the key a name of 1 to 128 characters.",
  requestsPerMinute: "Give a whole number, 0 or more.",
  tokensPerMinute: "Give a whole number, 0 or more.",
  maxConcurrency: "Give a whole number, 0 or more.",
  toolCallsPerMinute: "Give a whole number, 0 or more.",
  expiresAt: "Give a date and a time that lie ahead.",
  thresholds: "Give whole percentages from 1 to 100, ascending.",
  metadataJson: "Give a JSON object.",
};

export interface FieldError {
  readonly field: FieldName;
  readonly tab: TabName;
  readonly message: string;
}

/** What the contract refuses before anything is sent; the API refuses the same by the same schema. */
export function checkAttributes(attributes: Record<string, unknown>): FieldError[] {
  const parsed = ApiKeyCreate.safeParse(attributes);
  if (parsed.success) return [];
  const found = parsed.error.issues.flatMap(({ path, message }) => {
    const place = places[String(path[0])];
    return place === undefined ? [] : [{ ...place, message: plain[place.field] ?? sentence(message) }];
  });
  return oncePerField(found);
}

/** The findings of a refusal that name a field of the form. */
export function errorsOf(failure: unknown): FieldError[] {
  if (!(failure instanceof RequestFailed)) return [];
  const found = failure.findings.flatMap(({ pointer, detail }) => {
    const attribute = /^\/data\/attributes\/([^/]+)/.exec(pointer ?? "")?.[1];
    const place = attribute === undefined ? undefined : places[attribute];
    return place === undefined ? [] : [{ ...place, message: sentence(detail) }];
  });
  return oncePerField(found);
}

function oncePerField(errors: readonly FieldError[]): FieldError[] {
  return errors.filter(({ field }, n) => errors.findIndex((one) => one.field === field) === n);
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}
