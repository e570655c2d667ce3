/** The only place in which a secret is ever shown. It is handed in, and is gone when this is. */
import { CircleCheck, TriangleAlert } from "lucide-react";
import { useRef, useState } from "react";
import { useTranslations } from "use-intl";
import { progressOf, useOperation } from "../api/operation.ts";
import { Button } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { exact } from "../words/format.ts";
import type { Made } from "./actions.tsx";
import { Proof } from "./proof.tsx";
import { Snippets } from "./snippets.tsx";
import { TokenSnippet } from "./token-snippet.tsx";

export interface RevealProps {
  readonly made: Made;
  readonly secret: string;
  readonly onClose: () => void;
}

export function Reveal({ made, secret, onClose }: RevealProps) {
  const t = useTranslations("keyChange");
  const ui = useTranslations("ui");
  const code = useRef<HTMLElement>(null);
  const [copied, setCopied] = useState(false);
  const [asked, setAsked] = useState(false);
  const { operation, live } = useOperation(made.operation);
  const agent = made.apiKey.type === "agent";
  const close = () => {
    if (copied || asked) onClose();
    else setAsked(true);
  };
  const footer = (
    <>
      <span className="note">{t("lost")}</span>
      <Button onClick={close}>{ui("done")}</Button>
    </>
  );
  return (
    <Dialog
      title={made.title}
      onClose={close}
      footer={footer}
      width={728}
      focus="copy-secret"
      dismissable={false}
    >
      <div className="body-scroll" onCopy={() => setCopied(true)}>
        <div className="won">
          <p className="won-head">
            <Icon of={CircleCheck} />
            {t(headOf(made))}
          </p>
          <div className="secret">
            <code ref={code}>{secret}</code>
            <span className="contents" onClickCapture={() => setCopied(true)}>
              <CopyButton text={secret} shown={code} kind="primary" id="copy-secret" />
            </span>
          </div>
        </div>
        <Once made={made} insists={asked && !copied} />
        <section className="sect">
          <h3>
            {t("acceptedBy")} <small>{live ? <span className="now">{ui("live")}</span> : ui("paused")}</small>
          </h3>
          <Proof gateways={progressOf(operation)} operation={operation} />
        </section>
        {agent ? (
          <TokenSnippet agent={made.apiKey} />
        ) : (
          <Snippets apiKey={made.apiKey} secret={secret} onCopied={() => setCopied(true)} />
        )}
      </div>
    </Dialog>
  );
}

/** That it is shown once, and what has become of the secret before. `insists`: it is being left without a copy. */
function Once({ made, insists }: { made: Made; insists: boolean }) {
  const t = useTranslations("keyChange");
  const { oldUntil, apiKey } = made;
  const once = t(apiKey.type === "agent" ? "agentOnce" : "once");
  return (
    <p className="once" role={insists ? "alert" : undefined}>
      <Icon of={TriangleAlert} />
      <span>
        {insists ? t("notCopied") : once}{" "}
        {oldUntil === undefined ? "" : oldUntil ? t("oldUntil", { at: exact(oldUntil) }) : t("oldStops")}
      </span>
    </p>
  );
}

function headOf({ apiKey, oldUntil }: Made) {
  if (apiKey.type === "agent") return oldUntil === undefined ? "agentHead" : "agentRotatedHead";
  return oldUntil === undefined ? "createdHead" : "rotatedHead";
}
