import { Check, Copy } from "lucide-react";
import { type ComponentProps, type RefObject, useEffect, useState } from "react";
import { useTranslations } from "use-intl";
import { Button, IconButton } from "./button.tsx";

const SHOWN_MS = 2_000;

type Outcome = "idle" | "copied" | "refused";

/** Copies, and says for two seconds that it has; without permission `shown` is selected and the hint names the keys. */
export function useCopy(text: string, shown?: RefObject<HTMLElement | null>) {
  const [outcome, setOutcome] = useState<Outcome>("idle");
  useEffect(() => {
    if (outcome !== "copied") return;
    const timer = setTimeout(() => setOutcome("idle"), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [outcome]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setOutcome("copied");
    } catch {
      // Refused, or not a secure context: the person's own Ctrl+C always works.
      if (shown?.current) getSelection()?.selectAllChildren(shown.current);
      setOutcome("refused");
    }
  };
  return { outcome, copy };
}

function Spoken({ outcome }: { outcome: Outcome }) {
  const t = useTranslations("ui");
  return (
    <span className="sr" role="status">
      {outcome === "copied" ? t("copied") : outcome === "refused" ? t("copyByHand") : ""}
    </span>
  );
}

export interface CopyButtonProps extends Omit<ComponentProps<"button">, "children"> {
  readonly text: string;
  readonly shown?: RefObject<HTMLElement | null>;
  readonly kind?: "default" | "primary";
  readonly label?: string;
}

export function CopyButton({ text, shown, kind = "default", label, ...rest }: CopyButtonProps) {
  const t = useTranslations("ui");
  const { outcome, copy } = useCopy(text, shown);
  const words = { idle: label ?? t("copy"), copied: t("copied"), refused: t("copyByHand") };
  return (
    <>
      <Button {...rest} kind={kind} icon={outcome === "copied" ? Check : Copy} onClick={() => void copy()}>
        {words[outcome]}
      </Button>
      <Spoken outcome={outcome} />
    </>
  );
}

/** The small one, in rows. `label` says what is copied: a preview is not a key. */
export function CopyIcon({ text, label, tiny = true }: { text: string; label: string; tiny?: boolean }) {
  const t = useTranslations("ui");
  const { outcome, copy } = useCopy(text);
  return (
    <>
      <IconButton
        icon={outcome === "copied" ? Check : Copy}
        label={label}
        title={outcome === "copied" ? t("copied") : outcome === "refused" ? t("copyByHand") : label}
        tiny={tiny}
        onClick={() => void copy()}
      />
      <Spoken outcome={outcome} />
    </>
  );
}
