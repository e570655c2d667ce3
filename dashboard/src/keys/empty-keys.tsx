import { Link } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useTranslations } from "use-intl";
import { useMay, useSession } from "../shell/session.ts";
import { Icon } from "../ui/icon.tsx";

/** The first visit: one sentence and one thing to do, beside a key that is not cut yet. */
export function EmptyKeys() {
  const t = useTranslations("keys");
  const { organizationName: organization } = useSession();
  const may = useMay("member");
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
          d="M60.75 80.75H34.5a32.5 32.5 0 1 1 0-65h26.25zM46.75 58.25v-20H34.5a10 10 0 0 0 0 20z"
          stroke="var(--color-accent-ink)"
        />
        <path d="M60.75 40.75h108v15h-108" stroke="var(--color-accent-ink)" />
        <path
          d="M84.75 55.75v24h13v-24M112.75 55.75v24h13v-24M140.75 55.75v24h13v-24"
          strokeDasharray="3 3"
        />
      </svg>
      <h2 className="text-xl">{t("emptyTitle")}</h2>
      <p>{t("empty", { organization })}</p>
      {may ? (
        <div className="acts">
          <Link className="btn btn-primary" to="/keys/new">
            <Icon of={Plus} />
            {t("create")} <kbd className="not-narrow">C</kbd>
          </Link>
        </div>
      ) : null}
    </section>
  );
}
