/** A link may fill in the form: `/keys/new?name=CI&expires=30d&models=gpt-5.4&budget=50`. */
import { readInstant } from "@claviger/shared/api/attribute";
import { readUsd } from "@claviger/shared/api/budget";
import { type KeyValues, presets } from "./form-values.ts";

type Reader = (text: string) => Partial<KeyValues> | undefined;

const words = (text: string) => text.split(",").filter((word) => word !== "");
const whole =
  (name: keyof KeyValues): Reader =>
  (text) =>
    /^\d{1,9}$/.test(text) ? { [name]: text } : undefined;

const readers: Record<string, Reader> = {
  name: (name) => (name.length <= 128 ? { name } : undefined),
  expires: (text) => {
    const preset = presets.find((one) => one === text);
    if (preset !== undefined && preset !== "exact") return { expiry: preset };
    const at = readInstant(text);
    return at === undefined ? undefined : { expiry: "exact", expiresAt: at.toISOString().slice(0, 16) };
  },
  models: (text) => ({ models: words(text) }),
  providers: (text) => ({ providers: words(text) }),
  ips: (text) => ({ ips: words(text) }),
  budget: (budgetUsd) => (readUsd(budgetUsd) === undefined ? undefined : { budgetUsd }),
  rpm: whole("requestsPerMinute"),
  tpm: whole("tokensPerMinute"),
  project: (projectId) => (/^prj_\w+$/.test(projectId) ? { projectId } : undefined),
  owner: (ownerId) => (/^mem_\w+$/.test(ownerId) ? { ownerId } : undefined),
};

export interface Prefill {
  readonly values: Partial<KeyValues>;
  /** Parameters that say nothing to the form. */
  readonly unknown: readonly string[];
}

export function readPrefill(search: Record<string, unknown>): Prefill {
  const read = Object.entries(search)
    .filter(([name, value]) => name !== "for" && value !== undefined)
    .map(([name, value]) => ({
      name,
      found: Object.hasOwn(readers, name) ? readers[name]?.(String(value)) : undefined,
    }));
  return {
    values: Object.assign({}, ...read.map(({ found }) => found)) as Partial<KeyValues>,
    unknown: read.filter(({ found }) => found === undefined).map(({ name }) => name),
  };
}
