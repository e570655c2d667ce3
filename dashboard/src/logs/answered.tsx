import { TriangleAlert } from "lucide-react";
import { useTranslations } from "use-intl";
import type { Meta } from "../api/client.ts";
import { Icon } from "../ui/icon.tsx";
import { clock } from "../words/format.ts";

/** Which gateways are in the answer; the missing ones by name. */
export function Answered({ meta, atMs }: { meta: Meta; atMs: number }) {
  const t = useTranslations("records");
  const { answered = [], missing = [] } = meta;
  const all = answered.length + missing.length;
  if (missing.length === 0)
    return <span>{t("complete", { all, at: clock(new Date(atMs).toISOString()) })}</span>;
  return (
    <span className="soon flex items-center gap-1.5" role="status">
      <Icon of={TriangleAlert} small />
      {t("partial", { answered: answered.length, all, missing: missing.join(", ") })}
    </span>
  );
}
