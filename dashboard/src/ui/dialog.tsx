import { Dialog as Base } from "@base-ui/react/dialog";
import { X } from "lucide-react";
import type { CSSProperties, ReactNode } from "react";
import { useTranslations } from "use-intl";
import { IconButton } from "./button.tsx";

export interface DialogProps {
  readonly title: ReactNode;
  /** Asked to close by Esc, the scrim or the cross; the owner decides. */
  readonly onClose: () => void;
  readonly children: ReactNode;
  readonly footer?: ReactNode;
  readonly width?: number;
  readonly shape?: "dialog" | "tall" | "sheet";
  /** Id of what gets the focus; the first field or button when absent. */
  readonly focus?: string;
  /** False: only its own buttons close it. */
  readonly dismissable?: boolean;
}

/** A modal panel; below 640 px it fills the screen. It is open as long as it is rendered. */
export function Dialog(props: DialogProps) {
  const {
    title,
    onClose,
    children,
    footer,
    width = 560,
    shape = "dialog",
    focus,
    dismissable = true,
  } = props;
  const t = useTranslations("ui");
  return (
    <Base.Root open onOpenChange={(open) => open || onClose()} disablePointerDismissal={!dismissable}>
      <Base.Portal>
        <Base.Backdrop className="scrim" />
        <Base.Popup
          className={`dialog ${shape === "dialog" ? "" : shape}`}
          style={{ "--w": `${width}px` } as CSSProperties}
          initialFocus={focus === undefined ? true : () => document.getElementById(focus)}
        >
          <header>
            <Base.Title>{title}</Base.Title>
            {dismissable ? <Base.Close render={<IconButton icon={X} label={t("close")} />} /> : null}
          </header>
          {children}
          {footer === undefined ? null : <footer>{footer}</footer>}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}
