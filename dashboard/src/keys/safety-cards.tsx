import { type KeySafety, keySafeties } from "@claviger/shared/api/api-key-list";
import { useQueries } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CircleCheck, Infinity as Endless, type LucideIcon, Moon, ShieldAlert, Wallet } from "lucide-react";
import { useTranslations } from "use-intl";
import { ask } from "../api/client.ts";
import { keysPath } from "../api/queries.ts";
import { Icon } from "../ui/icon.tsx";
import { count } from "../words/format.ts";

const icons: Record<KeySafety, LucideIcon> = {
  "no-budget": Wallet,
  "never-expires": Endless,
  idle: Moon,
  permissive: ShieldAlert,
};

/** How many active keys are worth a second look; each card opens the list of them, and once more closes it. */
export function SafetyCards({ chosen }: { chosen: KeySafety | undefined }) {
  const t = useTranslations("safety");
  const filters = { search: "", status: "", owner: "", project: "", sort: "name", after: undefined, size: 1 };
  const counted = useQueries({
    queries: keySafeties.map((safety) => ({
      queryKey: ["safety", safety],
      queryFn: async ({ signal }: { signal: AbortSignal }) =>
        (await ask("GET", keysPath({ ...filters, safety }), { signal })).meta.total ?? 0,
      staleTime: 60_000,
    })),
  });
  if (counted.some(({ data }) => data === undefined)) return null;
  return (
    <nav className="panel safety" aria-label={t("label")}>
      {keySafeties.map((safety, n) => {
        const figure = counted[n]?.data ?? 0;
        const current = safety === chosen;
        return (
          <Link
            key={safety}
            to="/keys"
            search={current ? {} : { safety }}
            className={figure === 0 ? "clear" : ""}
            aria-current={current ? "true" : undefined}
            activeProps={{}}
          >
            <span className="n num" title={figure.toLocaleString("en-US")}>
              {count(figure)}
            </span>
            <span>
              <b>{t(safety)}</b>
              <small>{t(`${safety}Text`)}</small>
            </span>
            <Icon of={figure === 0 ? CircleCheck : icons[safety]} />
          </Link>
        );
      })}
    </nav>
  );
}
