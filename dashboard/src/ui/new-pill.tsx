import { ArrowUp } from "lucide-react";
import { useTranslations } from "use-intl";
import { Icon } from "./icon.tsx";

/** Says how many rows wait above, and lets them in. */
export function NewPill({ fresh, onShow }: { fresh: number; onShow: () => void }) {
  const t = useTranslations("ui");
  return (
    <div className="new-pill" role="status">
      {fresh === 0 ? null : (
        <button type="button" className="btn btn-primary btn-sm" onClick={onShow}>
          <Icon of={ArrowUp} small />
          {t("fresh", { count: fresh })}
        </button>
      )}
    </div>
  );
}
