import { useTranslations } from "use-intl";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";

export interface LeaveDialogProps {
  readonly text: string;
  readonly onStay: () => void;
  readonly onLeave: () => void;
  readonly onDiscard?: () => void;
}

/** Asked when a form that holds something is left. */
export function LeaveDialog({ text, onStay, onLeave, onDiscard }: LeaveDialogProps) {
  const t = useTranslations("keyForm");
  const footer = (
    <>
      <span className="note" />
      {onDiscard === undefined ? null : (
        <Button kind="danger" onClick={onDiscard}>
          {t("discard")}
        </Button>
      )}
      <Button onClick={onLeave}>{t("leave")}</Button>
      <Button kind="primary" onClick={onStay}>
        {t("stay")}
      </Button>
    </>
  );
  return (
    <Dialog title={t("leaveTitle")} onClose={onStay} footer={footer} width={440}>
      <p className="soft px-5 pb-5">{text}</p>
    </Dialog>
  );
}
