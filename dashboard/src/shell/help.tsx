import { useTranslations } from "use-intl";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";

const shortcuts = [
  ["⌘K", "palette"],
  ["/", "search"],
  ["c", "create"],
  ["g k", "goKeys"],
  ["g g", "goGateways"],
  ["g p", "goProjects"],
  ["g l", "goLogs"],
  ["g a", "goAudit"],
  ["e", "edit"],
  ["r", "rotate"],
  ["Esc", "close"],
  ["?", "help"],
] as const;

/** Every shortcut there is. */
export function Help({ onClose }: { onClose: () => void }) {
  const t = useTranslations("palette");
  const ui = useTranslations("ui");
  return (
    <Dialog
      title={t("shortcuts")}
      onClose={onClose}
      width={420}
      footer={
        <>
          <span className="note">{t("turnOff")}</span>
          <Button onClick={onClose}>{ui("close")}</Button>
        </>
      }
    >
      <ul className="body-pad">
        {shortcuts.map(([keys, word]) => (
          <li key={word} className="flex h-8 items-center justify-between gap-4">
            <span>{t(word)}</span>
            <kbd>{keys}</kbd>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
