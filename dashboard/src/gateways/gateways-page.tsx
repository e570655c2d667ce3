/** `/gateways`: how each does, what each holds, how one joins and leaves. */
import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { fleetQuery, type Gateway } from "../api/queries.ts";
import { PageHead } from "../shell/page-head.tsx";
import { useMay } from "../shell/session.ts";
import { Button } from "../ui/button.tsx";
import { Loaded } from "../ui/loaded.tsx";
import { FleetStatus } from "../ui/status.tsx";
import { clock, revisionNumber } from "../words/format.ts";
import { Alarms } from "./alarms.tsx";
import { AttachDialog } from "./attach-dialog.tsx";
import { DetachDialog } from "./detach-dialog.tsx";
import { DrainDialog } from "./drain-dialog.tsx";
import { EmptyGateways } from "./empty-gateways.tsx";
import { GatewayCard } from "./gateway-card.tsx";
import { ReplicaTable } from "./replica-table.tsx";

interface Acting {
  readonly kind: "drain" | "detach";
  readonly gateway: Gateway;
}

function GatewayAction({ kind, gateway, onClose }: Acting & { onClose: () => void }) {
  if (kind === "drain") return <DrainDialog gateway={gateway} onClose={onClose} />;
  return <DetachDialog gateway={gateway} onClose={onClose} />;
}

export function GatewaysPage() {
  const t = useTranslations("gateways");
  const query = useQuery(fleetQuery);
  const admin = useMay("admin");
  const [attaching, setAttaching] = useState(false);
  const [acting, setActing] = useState<Acting | null>(null);
  const attach = (
    <Button kind="primary" icon={Plus} onClick={() => setAttaching(true)}>
      {t("attach")}
    </Button>
  );
  const wanted = query.data?.[0]?.attributes.revisionWanted;
  const lead =
    wanted === undefined
      ? undefined
      : t.rich("lead", {
          revision: revisionNumber(wanted),
          b: (chunks) => <b className="num strong">{chunks}</b>,
        });
  const empty = query.data?.length === 0;
  return (
    <>
      {empty ? null : <PageHead title={t("title")} lead={lead} actions={admin ? attach : undefined} />}
      <Loaded query={query}>
        {(fleet) =>
          fleet.length === 0 ? (
            <EmptyGateways action={admin ? attach : null} />
          ) : (
            <Fleet
              fleet={fleet}
              atMs={query.dataUpdatedAt}
              onAct={admin ? (kind, gateway) => setActing({ kind, gateway }) : undefined}
            />
          )
        }
      </Loaded>
      {attaching ? <AttachDialog onClose={() => setAttaching(false)} /> : null}
      {acting === null ? null : <GatewayAction {...acting} onClose={() => setActing(null)} />}
    </>
  );
}

interface FleetProps {
  readonly fleet: readonly Gateway[];
  readonly atMs: number;
  readonly onAct: ((kind: Acting["kind"], gateway: Gateway) => void) | undefined;
}

function Fleet({ fleet, atMs, onAct }: FleetProps) {
  const t = useTranslations("gateways");
  return (
    <>
      <Alarms fleet={fleet} />
      <div className="fleet-cards">
        {fleet.map((gateway) => (
          <GatewayCard key={gateway.id} gateway={gateway} fleetVersion={newestOf(fleet)} atMs={atMs} />
        ))}
      </div>
      <div className="h-row">
        <h2>{t("replicas")}</h2>
        <span className="r num">{t("live", { at: clock(new Date(atMs).toISOString()) })}</span>
      </div>
      <ReplicaTable fleet={fleet} onAct={onAct} />
      <section className="defs" aria-label={t("meaning")}>
        {(["online", "asleep", "degraded", "down", "pending"] as const).map((status) => (
          <div key={status}>
            <FleetStatus status={status} />
            <p>{t(`${status}Means`)}</p>
          </div>
        ))}
      </section>
    </>
  );
}

/** The newest version that any gateway runs. */
function newestOf(fleet: readonly Gateway[]): string | null {
  const versions = fleet.flatMap(({ attributes }) => attributes.version ?? []);
  return versions.toSorted((a, b) => a.localeCompare(b, "en", { numeric: true })).at(-1) ?? null;
}
