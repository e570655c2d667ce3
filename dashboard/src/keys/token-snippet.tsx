import { useTranslations } from "use-intl";
import type { ApiKey } from "../api/queries.ts";
import { CopyButton } from "../ui/copy.tsx";

/** How an agent gets a token (RFC 6749 §4.4), ready to paste; the secret comes from the environment. */
export function TokenSnippet({ agent }: { agent: ApiKey }) {
  const t = useTranslations("agents");
  const text = `curl ${location.origin}/oauth/token \\\n  -u "${agent.id}:$CLAVIGER_AGENT_SECRET" \\\n  -d grant_type=client_credentials`;
  return (
    <section className="sect">
      <h3>{t("getToken")}</h3>
      <div className="code">
        <div className="bar">
          <span className="soft">curl</span>
          <CopyButton text={text} className="copy" />
        </div>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reached by the keyboard */}
        <pre tabIndex={0}>{text}</pre>
      </div>
      <p className="hint">{t("scopeHint")}</p>
    </section>
  );
}
