import type { ReactNode } from "react";
import { useTranslations } from "use-intl";

export function EmptyGateways({ action }: { action: ReactNode }) {
  const t = useTranslations("gateways");
  return (
    <section className="empty">
      <svg
        className="art"
        viewBox="0 0 176 96"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        aria-hidden="true"
      >
        <path
          d="M1 87.25V38.75a21 21 0 0 1 42 0v48.5zM14 87v-46a8 8 0 0 1 16 0v46"
          stroke="var(--color-accent-ink)"
        />
        <g strokeDasharray="3 3">
          <path d="M66 87.25V38.75a21 21 0 0 1 42 0v48.5zM79 87v-46a8 8 0 0 1 16 0v46" />
          <path d="M131 87.25V38.75a21 21 0 0 1 42 0v48.5zM144 87v-46a8 8 0 0 1 16 0v46" />
        </g>
      </svg>
      <h1>{t("emptyTitle")}</h1>
      <p>{t("empty")}</p>
      {action === null ? null : <div className="acts">{action}</div>}
    </section>
  );
}
