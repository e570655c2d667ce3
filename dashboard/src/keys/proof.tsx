import type { OperationView } from "@claviger/shared/sync/operation";
import { useQuery } from "@tanstack/react-query";
import { useTranslations } from "use-intl";
import type { GatewayProgress } from "../api/operation.ts";
import { fleetQuery } from "../api/queries.ts";
import { ProgressStatus } from "../ui/status.tsx";
import { clock } from "../words/format.ts";

/** Which gateways accept the key, since when, and which are still to come. */
export function Proof({
  gateways,
  operation,
}: {
  gateways: readonly GatewayProgress[];
  operation: OperationView;
}) {
  const t = useTranslations("keyChange");
  const { data: fleet = [] } = useQuery(fleetQuery);
  if (gateways.length === 0) return <p className="soft">{t("noGateways")}</p>;
  return (
    <ul className="proof" aria-live="polite">
      {gateways.map(({ gatewayId, name, state, confirmedAt, lastSeen }) => {
        const region = fleet.find(({ id }) => id === gatewayId)?.attributes.region;
        const accepts = state === "confirmed" && confirmedAt !== undefined;
        const sinceMs = accepts
          ? Date.parse(confirmedAt) - Date.parse(operation.committedAt ?? confirmedAt)
          : 0;
        return (
          <li key={gatewayId}>
            <span className="who">
              <b>{name}</b>
              <small>{region}</small>
            </span>
            <ProgressStatus
              state={accepts ? "confirmed" : "waiting"}
              word={accepts ? t("accepted") : t("waiting")}
            />
            <span>{state === "unreachable" ? t("onReconnect") : ""}</span>
            <span className="when num">
              {accepts
                ? t("afterMs", { at: clock(confirmedAt, true), ms: Math.max(0, Math.round(sinceMs)) })
                : lastSeen === undefined
                  ? ""
                  : t("lastSeen", { at: clock(lastSeen) })}
            </span>
          </li>
        );
      })}
    </ul>
  );
}
