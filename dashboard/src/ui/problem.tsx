import { CircleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslations } from "use-intl";
import { RequestFailed } from "../api/client.ts";
import { Button } from "./button.tsx";
import { CopyIcon } from "./copy.tsx";
import { Icon } from "./icon.tsx";

/** A failure in words: its cause, what to do, and the id that support asks for. */
export function Problem({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const t = useTranslations("problem");
  const failed = error instanceof RequestFailed ? error : undefined;
  return (
    <div className="banner danger" role="alert">
      <Icon of={CircleAlert} />
      <div className="min-w-0 flex-1">
        <p className="strong">{failed === undefined ? t("broken") : failed.message}</p>
        <p className="soft">{t(nextStep(failed))}</p>
        {failed?.requestId === undefined ? null : (
          <p className="soft flex items-center gap-1">
            {t("requestId")} <span className="mono">{failed.requestId}</span>
            <CopyIcon text={failed.requestId} label={t("copyRequestId")} />
          </p>
        )}
      </div>
      {onRetry === undefined ? null : (
        <Button small onClick={onRetry}>
          {t("retry")}
        </Button>
      )}
    </div>
  );
}

function nextStep(failed: RequestFailed | undefined) {
  if (failed === undefined) return "reload";
  if (failed.status === 0) return "offline";
  if (failed.status === 403) return "forbidden";
  if (failed.status === 404) return "gone";
  if (failed.status === 409) return "conflict";
  if (failed.status === 429) return "slowDown";
  return failed.status >= 500 ? "ours" : "yours";
}

/** What stands in place of content that has failed to load. */
export function ProblemPage({ error, onRetry }: { error: unknown; onRetry: () => void }): ReactNode {
  return (
    <div className="max-w-160 py-6">
      <Problem error={error} onRetry={onRetry} />
    </div>
  );
}
