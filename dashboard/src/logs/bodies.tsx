import { useQuery } from "@tanstack/react-query";
import { useTranslations } from "use-intl";
import { ask } from "../api/client.ts";
import { useMay } from "../shell/session.ts";
import { CopyIcon } from "../ui/copy.tsx";
import { Problem } from "../ui/problem.tsx";
import type { LogEntry } from "./records.ts";

type Said = NonNullable<LogEntry["attributes"]["bodies"]>;

/** What was sent and answered, for admins, where the organization has it kept; nothing where it has not. */
export function Bodies({ requestId }: { requestId: string }) {
  const t = useTranslations("records");
  const admin = useMay("admin");
  const { data, error } = useQuery({
    queryKey: ["logs", "bodies", requestId],
    queryFn: async ({ signal }) => {
      const query = new URLSearchParams({ "filter[requestId]": requestId, include: "bodies" });
      return (await ask<LogEntry[]>("GET", `/logs?${query}`, { signal })).data;
    },
    enabled: admin,
  });
  if (error !== null) return <Problem error={error} />;
  const bodies = data?.findLast(({ attributes }) => attributes.bodies !== undefined)?.attributes.bodies;
  if (bodies === undefined) return null;
  return (
    <>
      <Body name={t("bodySent")} body={bodies.request} />
      <Body name={t("bodyAnswered")} body={bodies.response} />
    </>
  );
}

function Body({ name, body: { text, bytes, truncated } }: { name: string; body: Said["request"] }) {
  const t = useTranslations("records");
  return (
    <section className="said-body" aria-label={name}>
      <h3>
        {name} <small>{t(truncated ? "bodyCut" : "bodyWhole", { bytes })}</small>
        {text === null ? null : <CopyIcon text={text} label={name} />}
      </h3>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reached by the keyboard */}
      <pre tabIndex={0}>{text ?? t("bodyNone")}</pre>
    </section>
  );
}
