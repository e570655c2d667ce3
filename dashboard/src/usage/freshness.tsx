import type { UsageFreshness } from "@claviger/shared/api/usage";
import { useTranslations } from "use-intl";

/** A gateway that has been silent for longer than this is named. */
const SILENT_MS = 25_000;

const time = (iso: string) => new Date(iso).toISOString().slice(11, 19);

/** What the figures are complete to, and which gateways' are not. */
export function Freshness({ complete, nowMs }: { complete: readonly UsageFreshness[]; nowMs: number }) {
  const t = useTranslations("usage");
  if (complete.length === 0) return t("nobody");
  const told = complete.flatMap(({ gateway, completeTo }) =>
    completeTo === null ? [] : [{ gateway, completeTo }],
  );
  const recent = told.filter(({ completeTo }) => nowMs - Date.parse(completeTo) < SILENT_MS);
  const silent = told.filter((one) => !recent.includes(one));
  const earliest = recent.map(({ completeTo }) => completeTo).sort()[0];
  return (
    <span className="num">
      {earliest === undefined
        ? null
        : t("complete", { at: time(earliest), names: recent.map(({ gateway }) => gateway).join(", ") })}
      {silent.map(({ gateway, completeTo }) => (
        <span key={gateway} className="soon">
          {" "}
          {t("silent", { name: gateway, at: time(completeTo) })}
        </span>
      ))}
      {complete.map(({ gateway, waiting }) =>
        waiting === 0 ? null : (
          <span key={gateway} className="soon">
            {" "}
            {t("behind", { name: gateway, count: waiting })}
          </span>
        ),
      )}
    </span>
  );
}
