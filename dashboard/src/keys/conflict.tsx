import { useQuery } from "@tanstack/react-query";
import { CircleAlert } from "lucide-react";
import { useTranslations } from "use-intl";
import { actorOf } from "../api/heard.ts";
import { type ApiKey, membersQuery } from "../api/queries.ts";
import type { AuditEntry } from "../logs/records.ts";
import { recordsQuery } from "../logs/records.ts";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { type Difference, differencesOf } from "./differences.ts";

export interface ConflictProps {
  /** As it was when the form was opened. */
  readonly opened: ApiKey;
  /** As it is: somebody else's edit came first. */
  readonly present: ApiKey;
  /** What was to be saved. */
  readonly mine: Readonly<Record<string, unknown>>;
  readonly onTheirs: () => void;
}

/** Whose edit won, and value by value what it changed and what is about to be saved over it. */
export function Conflict({ opened, present, mine, onTheirs }: ConflictProps) {
  const t = useTranslations("conflict");
  const rows = differencesOf(opened.attributes, present.attributes, mine);
  const who = useActor(present) ?? t("somebody");
  return (
    <section className="banner danger flex-wrap" role="alert" aria-label={t("title")}>
      <Icon of={CircleAlert} />
      <div className="min-w-0 flex-1">
        <p className="strong">{t("won", { who })}</p>
        <p className="soft">{t("next")}</p>
      </div>
      <Button small onClick={onTheirs}>
        {t("takeTheirs")}
      </Button>
      <table className="diff">
        <thead>
          <tr>
            <th scope="col">{t("what")}</th>
            <th scope="col">{t("before")}</th>
            <th scope="col">{t("theirs")}</th>
            <th scope="col">{t("mine")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={row.name} {...row} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Row({ name, before, theirs, mine }: Difference) {
  const t = useTranslations("conflict");
  const { data: members = [] } = useQuery(membersQuery);
  const text = (value: unknown): string => {
    if (value === null || value === undefined || value === "") return t("nothing");
    if (name === "ownerId") return members.find(({ id }) => id === value)?.attributes.name ?? String(value);
    if (Array.isArray(value)) return value.join(", ");
    return typeof value === "object" ? JSON.stringify(value) : String(value);
  };
  return (
    <tr>
      <th scope="row">{t(`names.${name}`)}</th>
      <td>{text(before)}</td>
      <td className={JSON.stringify(before) === JSON.stringify(theirs) ? "" : "strong"}>{text(theirs)}</td>
      <td className={mine === undefined ? "muted" : "strong"}>
        {mine === undefined ? t("untouched") : text(mine)}
      </td>
    </tr>
  );
}

/** From what was told; of what was told before the page was opened, from the gateways' audit. */
function useActor({ id, attributes: { revision } }: ApiKey): string | undefined {
  const heard = actorOf(revision);
  const asked = recordsQuery<AuditEntry>({
    noun: "audit",
    filters: { key: id },
    after: undefined,
    live: heard === undefined,
  });
  const { data } = useQuery({ ...asked, enabled: heard === undefined });
  const found = data?.data.find(
    ({ attributes: entry }) => entry.kind === "change" && `${entry.epoch}.${entry.rev}` === revision,
  )?.attributes;
  return heard ?? (found?.kind === "change" ? found.actor.name : undefined);
}
