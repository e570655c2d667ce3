import { Dialog } from "@base-ui/react/dialog";
import { useTranslations } from "use-intl";
import { Sidebar } from "./sidebar.tsx";

/** The way to the pages where there is no room beside them. */
export function SideDrawer({ onClose }: { onClose: () => void }) {
  const t = useTranslations("shell");
  return (
    <Dialog.Root open onOpenChange={(open) => open || onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="scrim" />
        <Dialog.Popup className="drawer" aria-label={t("main")}>
          <Sidebar onLeave={onClose} />
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
