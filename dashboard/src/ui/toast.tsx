import { Toast as Base } from "@base-ui/react/toast";
import { X } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslations } from "use-intl";
import { IconButton } from "./button.tsx";

const SHOWN_MS = 6_000;

/** Short news. Never the only place of an error or an action. */
export function ToastArea({ children }: { children: ReactNode }) {
  return (
    <Base.Provider timeout={SHOWN_MS} limit={3}>
      {children}
      <Base.Portal>
        <Base.Viewport className="toasts">
          <Toasts />
        </Base.Viewport>
      </Base.Portal>
    </Base.Provider>
  );
}

function Toasts() {
  const t = useTranslations("ui");
  const { toasts } = Base.useToastManager();
  return toasts.map((toast) => (
    <Base.Root key={toast.id} toast={toast} className="toast">
      <Base.Title render={<p />} />
      <Base.Close render={<IconButton icon={X} label={t("dismiss")} tiny />} />
    </Base.Root>
  ));
}

/** Says one sentence, politely. */
export function useToast(): (title: string) => void {
  const { add } = Base.useToastManager();
  return (title) => {
    add({ title });
  };
}
