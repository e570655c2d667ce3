import { Tabs } from "@base-ui/react/tabs";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { type ApiKey, fleetQuery, type Gateway, type LlmApiKey, llmKeysQuery } from "../api/queries.ts";
import { CopyButton } from "../ui/copy.tsx";

const languages = ["curl", ".env", "OpenAI SDK", "Anthropic SDK"] as const;
type Language = (typeof languages)[number];

export interface SnippetsProps {
  readonly apiKey: ApiKey;
  readonly secret: string;
  readonly onCopied: () => void;
}

/** Ready to paste, with a gateway that is up and a model that the project has. */
export function Snippets({ apiKey, secret, onCopied }: SnippetsProps) {
  const t = useTranslations("keyChange");
  const [language, setLanguage] = useState<Language>("curl");
  const { data: fleet = [] } = useQuery(fleetQuery);
  const { data: llmKeys = [] } = useQuery(llmKeysQuery);
  const text = snippets({ url: addressOf(fleet), model: modelOf(apiKey, llmKeys), secret })[language];
  return (
    <section className="sect">
      <h3>{t("useIt")}</h3>
      <Tabs.Root className="code" value={language} onValueChange={setLanguage}>
        <div className="bar">
          <Tabs.List aria-label={t("language")}>
            {languages.map((one) => (
              <Tabs.Tab key={one} value={one}>
                {one}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          <span className="contents" onClickCapture={language === ".env" ? onCopied : undefined}>
            <CopyButton text={text} className="copy" />
          </span>
        </div>
        <Tabs.Panel value={language} tabIndex={-1}>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reached by the keyboard */}
          <pre tabIndex={0}>{text}</pre>
        </Tabs.Panel>
      </Tabs.Root>
    </section>
  );
}

/** A gateway that is up, or any, or a name to replace. */
function addressOf(fleet: readonly Gateway[]): string {
  const reachable = fleet.filter(({ attributes }) => attributes.publicUrl !== null);
  const best = reachable.find(({ attributes }) => attributes.status === "online") ?? reachable[0];
  return best?.attributes.publicUrl ?? "https://YOUR-GATEWAY";
}

function modelOf({ attributes }: ApiKey, llmKeys: readonly LlmApiKey[]): string {
  const listed = attributes.allowedModels?.find((name) => !name.endsWith("*"));
  if (listed !== undefined) return listed;
  const key = llmKeys.find((one) => one.attributes.projectId === attributes.projectId);
  const model = key?.attributes.models[0];
  return key === undefined || model === undefined ? "PROVIDER/MODEL" : `${key.attributes.name}/${model}`;
}

function snippets({
  url,
  model,
  secret,
}: {
  url: string;
  model: string;
  secret: string;
}): Record<Language, string> {
  const body = JSON.stringify({ model, messages: [{ role: "user", content: "hi" }] });
  return {
    curl: `curl ${url}/v1/chat/completions \\\n  -H "Authorization: Bearer $CLAVIGER_API_KEY" \\\n  -H "Content-Type: application/json" \\\n  -d '${body}'`,
    ".env": `CLAVIGER_API_KEY=${secret}\nCLAVIGER_GATEWAY_URL=${url}`,
    "OpenAI SDK": `import OpenAI from "openai";\n\nconst client = new OpenAI({\n  apiKey: process.env.CLAVIGER_API_KEY,\n  baseURL: "${url}/v1",\n});\nawait client.chat.completions.create({\n  model: "${model}",\n  messages: [{ role: "user", content: "hi" }],\n});`,
    "Anthropic SDK": `import Anthropic from "@anthropic-ai/sdk";\n\nconst client = new Anthropic({\n  apiKey: process.env.CLAVIGER_API_KEY,\n  baseURL: "${url}",\n});\nawait client.messages.create({\n  model: "${model}",\n  max_tokens: 64,\n  messages: [{ role: "user", content: "hi" }],\n});`,
  };
}
