import type { OperationView } from "@claviger/shared/sync/operation";
import { useTranslations } from "use-intl";
import type { GatewayProgress } from "../api/operation.ts";
import { useNow } from "../ui/now.tsx";
import { ProgressStatus } from "../ui/status.tsx";
import { clock, span } from "../words/format.ts";
import type { Direction } from "./change-sheet.tsx";

export interface GatewayLaneProps {
  readonly gateway: GatewayProgress;
  readonly operation: OperationView;
  readonly direction: Direction;
}

/** One gateway: its state, a lane of time when something is taken away, and what it means in words. */
export function GatewayLane({ gateway, operation, direction }: GatewayLaneProps) {
  const t = useTranslations("keyChange");
  const words = {
    confirmed: t("confirmed"),
    waiting: t("waiting"),
    unreachable: t("unreachableWord"),
    expired: t("lapsed"),
  };
  return (
    <div className="gate">
      <span className="who">
        <b>{gateway.name}</b>
        {gateway.replicas.length > 1 ? (
          <small>{t("replicas", { count: gateway.replicas.length })}</small>
        ) : null}
      </span>
      <ProgressStatus state={gateway.state} word={words[gateway.state]} />
      {direction === "refuse" ? <Lane gateway={gateway} operation={operation} /> : null}
      <Axis gateway={gateway} operation={operation} />
      <Meaning gateway={gateway} direction={direction} />
    </div>
  );
}

function Lane({ gateway, operation }: Omit<GatewayLaneProps, "direction">) {
  const now = useNow();
  if (gateway.state === "confirmed" || gateway.state === "expired") {
    return (
      <div className="lane" aria-hidden="true">
        <i className="was" style={{ width: 4 }} />
        <i className="shut" style={{ left: 4, width: "100%" }} />
      </div>
    );
  }
  const from = Date.parse(operation.committedAt ?? "");
  const until = Date.parse(gateway.refusesBy ?? "");
  const passed = Math.min(1, Math.max(0.01, (now - from) / (until - from))) || 0.01;
  return (
    <div className="lane" aria-hidden="true">
      <i className="was" style={{ width: `${passed * 100}%` }} />
      <i className="open" style={{ left: `${passed * 100}%`, width: `${(1 - passed) * 100}%` }} />
    </div>
  );
}

function Axis({ gateway, operation }: Omit<GatewayLaneProps, "direction">) {
  const t = useTranslations("keyChange");
  const now = useNow();
  const { confirmedAt, refusesBy } = gateway;
  if (confirmedAt !== undefined && gateway.state === "confirmed") {
    const { committedAt } = operation;
    const ms =
      committedAt === undefined
        ? 0
        : Math.max(0, Math.round(Date.parse(confirmedAt) - Date.parse(committedAt)));
    return (
      <div className="axis num">
        <span>{committedAt === undefined ? "" : t("changedAt", { at: clock(committedAt, true) })}</span>
        <span>{t("confirmedAt", { at: clock(confirmedAt, true), ms })}</span>
      </div>
    );
  }
  if (refusesBy === undefined) return null;
  const left = Date.parse(refusesBy) - now;
  return (
    <div className="axis num">
      <span>
        {t.rich("nowAt", {
          at: clock(new Date(now).toISOString()),
          b: (chunks) => <b className="strong">{chunks}</b>,
        })}
      </span>
      {left > 0 ? (
        <span className="refuse">{t("refusesBy", { at: clock(refusesBy), span: span(left) })}</span>
      ) : (
        <span>{t("refusedSince", { at: clock(refusesBy) })}</span>
      )}
    </div>
  );
}

function Meaning({ gateway, direction }: Omit<GatewayLaneProps, "operation">) {
  const t = useTranslations("keyChange");
  if (gateway.aborted > 0) return <p>{t("cut", { count: gateway.aborted })}</p>;
  if (gateway.state !== "unreachable" || gateway.lastSeen === undefined) return null;
  const at = clock(gateway.lastSeen);
  return <p>{direction === "refuse" ? t("noHeartbeat", { at }) : t("unreachableGive", { at })}</p>;
}
