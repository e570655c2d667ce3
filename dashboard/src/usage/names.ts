/** What a group is called: its name where it has one, words where it is none. */
import type { UsageView } from "@claviger/shared/api/usage";
import { useTranslations } from "use-intl";
import type { UsageRow } from "./queries.ts";

const known = ["key", "model", "provider", "gateway", "owner", "project", "agent", "code"] as const;

/** The word of a dimension: tags have one together. */
export function dimensionOf(by: string): (typeof known)[number] | "metadata" {
  return known.find((name) => name === by) ?? "metadata";
}

export function valueIn({ group }: Pick<UsageView, "group">, by: string): string | null {
  return group[by] ?? null;
}

/** A function that names a row of this grouping. */
export function useGroupName(by: string): (row: UsageRow) => string {
  const t = useTranslations("usage");
  return ({ attributes }) => {
    const value = valueIn(attributes, by);
    return value === null ? t(`noValue.${dimensionOf(by)}`) : (attributes.names[by] ?? value);
  };
}
