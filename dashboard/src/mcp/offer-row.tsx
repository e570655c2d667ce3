import type { McpToolState } from "@claviger/shared/api/mcp-server";
import { Ban, CircleCheck, CircleDashed, type LucideIcon, TriangleAlert, Unplug } from "lucide-react";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { diffLines, jsonText } from "./diff.ts";
import type { McpTool } from "./queries.ts";
import type { Verdict } from "./tools-dialog.tsx";

const looks: Record<McpToolState, readonly [tone: string, icon: LucideIcon]> = {
  new: ["waiting", CircleDashed],
  changed: ["degraded", TriangleAlert],
  accepted: ["active", CircleCheck],
  rejected: ["revoked", Ban],
  gone: ["inactive", Unplug],
};

export interface OfferRowProps {
  readonly tool: McpTool;
  readonly onDecide: ((verdict: Verdict, tools: readonly McpTool[]) => void) | undefined;
}

/** What has changed is seen at once; anything else on demand. */
export function OfferRow({ tool, onDecide }: OfferRowProps) {
  const t = useTranslations("mcp");
  const { kind, name, state, definition, acceptedDefinition } = tool.attributes;
  const [chosen, setOpen] = useState<boolean>();
  const open = chosen ?? state === "changed";
  const [tone, icon] = looks[state];
  const text = definition ?? acceptedDefinition;
  const description = text?.description;
  return (
    <li className="offer">
      <header>
        <b className="mono strong">{name}</b>
        <span className="tag flat">{t(`kind.${kind}`)}</span>
        <span className={`st ${tone}`}>
          <Icon of={icon} small />
          {t(`state.${state}`)}
        </span>
        <span className="grow" />
        {text === null ? null : (
          <Button
            small
            kind="plain"
            aria-expanded={open}
            aria-label={`${t(open ? "hide" : "show")}: ${name}`}
            onClick={() => setOpen(!open)}
          >
            {t(open ? "hide" : "show")}
          </Button>
        )}
        <Verdicts tool={tool} onDecide={onDecide} />
      </header>
      {typeof description === "string" && !open ? <p className="soft">{description}</p> : null}
      {open && text !== null ? <Definition tool={tool} /> : null}
    </li>
  );
}

function Verdicts({ tool, onDecide }: OfferRowProps) {
  const t = useTranslations("mcp");
  const { name, state } = tool.attributes;
  if (onDecide === undefined) return null;
  return (
    <>
      {state === "rejected" ? null : (
        <Button small aria-label={t("rejectOne", { name })} onClick={() => onDecide("reject", [tool])}>
          {t("reject")}
        </Button>
      )}
      {state === "accepted" || tool.attributes.hash === null ? null : (
        <Button small aria-label={t("acceptOne", { name })} onClick={() => onDecide("accept", [tool])}>
          {t("accept")}
        </Button>
      )}
    </>
  );
}

/** Against what was accepted, where that is another. */
function Definition({ tool: { attributes } }: { tool: McpTool }) {
  const t = useTranslations("mcp");
  const { name, state, definition, acceptedDefinition } = attributes;
  if (state !== "changed" || definition === null || acceptedDefinition === null) {
    return (
      <section className="diff" aria-label={t("definitionOf", { name })}>
        {jsonText(definition ?? acceptedDefinition)}
      </section>
    );
  }
  const lines = diffLines(jsonText(acceptedDefinition), jsonText(definition));
  return (
    <section className="diff" aria-label={t("diffOf", { name })}>
      {lines.map(({ kind, text }, n) => {
        // biome-ignore-start lint/suspicious/noArrayIndexKey: a line is its place
        if (kind === "gone") return <del key={n}>- {text}</del>;
        if (kind === "came") return <ins key={n}>+ {text}</ins>;
        return <span key={n}>{`  ${text}`}</span>;
        // biome-ignore-end lint/suspicious/noArrayIndexKey: a line is its place
      })}
    </section>
  );
}
