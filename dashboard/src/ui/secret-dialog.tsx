import type { ReactNode } from "react";
import { useTranslations } from "use-intl";
import { Button } from "./button.tsx";
import { Dialog } from "./dialog.tsx";
import { ShownOnce } from "./shown-once.tsx";

export interface SecretDialogProps {
  readonly title: string;
  readonly secret: string;
  readonly head: string;
  readonly warning: string;
  readonly note?: ReactNode;
  readonly onClose: () => void;
}

/** A secret that is shown now and never again; only its own button closes it. */
export function SecretDialog({ title, secret, head, warning, note, onClose }: SecretDialogProps) {
  const ui = useTranslations("ui");
  const footer = (
    <>
      <span className="note">{note}</span>
      <Button onClick={onClose}>{ui("done")}</Button>
    </>
  );
  return (
    <Dialog {...{ title, onClose, footer }} width={680} dismissable={false} focus="copy-secret">
      <div className="body-scroll">
        <ShownOnce {...{ secret, head, warning }} />
      </div>
    </Dialog>
  );
}
