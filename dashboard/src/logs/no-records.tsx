import { useTranslations } from "use-intl";
import type { Meta } from "../api/client.ts";
import { Button } from "../ui/button.tsx";
import { Nothing } from "../ui/nothing.tsx";
import { Answered } from "./answered.tsx";

export interface NoRecordsProps {
  readonly title: string;
  readonly text: string;
  /** By their labels; what is not set is left out. */
  readonly filters: readonly (readonly [label: string, value: string | undefined])[];
  readonly onClear: () => void;
  readonly meta: Meta;
  readonly atMs: number;
}

/** No rows: whether there are none at all, or which filters leave none, and which gateways were asked. */
export function NoRecords({ title, text, filters, onClear, meta, atMs }: NoRecordsProps) {
  const t = useTranslations("records");
  const set = filters.filter(([, value]) => value !== undefined && value !== "");
  const answered = <Answered meta={meta} atMs={atMs} />;
  if (set.length === 0)
    return (
      <Nothing title={title} text={text}>
        {answered}
      </Nothing>
    );
  const names = set.map(([label, value]) => `${label} “${value}”`).join(", ");
  return (
    <Nothing title={t("noMatch")} text={t("noMatchText", { filters: names })}>
      <Button onClick={onClear}>{t("clear")}</Button>
      {answered}
    </Nothing>
  );
}
