/** Gateway by gateway, what has become of a change; "everywhere" is said only when it is true. */
import type { OperationView } from "@claviger/shared/sync/operation";
import type { ReactNode } from "react";
import { useTranslations } from "use-intl";
import { type GatewayProgress, progressOf, useOperation } from "../api/operation.ts";
import { Bit } from "../ui/bit.tsx";
import { Button } from "../ui/button.tsx";
import { CopyButton, CopyIcon } from "../ui/copy.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { useNow } from "../ui/now.tsx";
import { clock, revisionNumber } from "../words/format.ts";
import { GatewayLane } from "./gateway-lane.tsx";
import { reportOf } from "./report.ts";

/** `refuse`: something is taken away. `accept`: a secret is let in. `hold`: anything else. */
export type Direction = "refuse" | "accept" | "hold";

export interface ChangeSheetProps {
  readonly title: string;
  readonly direction: Direction;
  readonly operation: OperationView;
  readonly onClose: () => void;
  /** Below the gateways. */
  readonly extra?: ReactNode;
  /** What is known beside the operation itself, put into its view. */
  readonly seenAs?: (operation: OperationView) => OperationView;
}

const asItIs = (operation: OperationView) => operation;

export function ChangeSheet(props: ChangeSheetProps) {
  const { title, direction, operation: initial, onClose, extra, seenAs = asItIs } = props;
  const t = useTranslations("keyChange");
  const ui = useTranslations("ui");
  const { operation: followed, live } = useOperation(initial);
  const operation = seenAs(followed);
  const gateways = progressOf(operation);
  const done = gateways.filter(({ state }) => state === "confirmed").length;
  const whole = operation.status === "confirmed";
  const footer = (
    <>
      <span className="note">
        {live
          ? whole
            ? t("safeToCloseAll")
            : t("safeToClose", { done, all: gateways.length })
          : ui("paused")}
      </span>
      <CopyButton text={reportOf(title, operation)} label={t("copyReport")} />
      <Button onClick={onClose}>{ui("close")}</Button>
    </>
  );
  return (
    <Dialog title={title} onClose={onClose} footer={footer} shape="sheet">
      <div className="body-scroll" aria-live="polite">
        <Verdict operation={operation} gateways={gateways} direction={direction} />
        {gateways.map((gateway) => (
          <GatewayLane
            key={gateway.gatewayId}
            gateway={gateway}
            operation={operation}
            direction={direction}
          />
        ))}
        {direction === "refuse" ? <Legend /> : null}
        {extra}
        <dl className="facts">
          <dt>{t("operation")}</dt>
          <dd>
            <span className="mono">{operation.id}</span>
            <CopyIcon text={operation.id} label={t("copyOperation")} />
          </dd>
          <dt>{t("revision")}</dt>
          <dd className="num">{revisionNumber(operation.revision)}</dd>
        </dl>
      </div>
    </Dialog>
  );
}

interface VerdictProps {
  readonly operation: OperationView;
  readonly gateways: readonly GatewayProgress[];
  readonly direction: Direction;
}

function Verdict({ operation, gateways, direction }: VerdictProps) {
  const t = useTranslations("keyChange");
  const figures = {
    done: gateways.filter(({ state }) => state === "confirmed").length,
    all: gateways.length,
  };
  const words = {
    refuse: ["refusedAll", "refusedBy"],
    accept: ["acceptedAll", "acceptedN"],
    hold: ["heldAll", "heldN"],
  } as const;
  const [all, some] = words[direction];
  const title =
    operation.status === "confirmed"
      ? t(all, figures)
      : operation.status === "safe" && direction === "refuse"
        ? t("refusedSafe")
        : t(some, figures);
  const states = gateways.map(({ state }) =>
    state === "confirmed" || state === "expired" ? "holds" : state === "waiting" ? "waits" : "gone",
  );
  return (
    <div className="verdict">
      <Bit large states={states} />
      <div>
        <h3>{title}</h3>
        <p>
          <Outlook operation={operation} gateways={gateways} direction={direction} />
        </p>
      </div>
    </div>
  );
}

/** The sentence below the verdict: what is still missing, and by when it cannot matter any more. */
function Outlook({ operation, gateways, direction }: VerdictProps) {
  const t = useTranslations("keyChange");
  const now = useNow();
  if (operation.status === "confirmed") {
    const lastMs = Math.max(0, ...gateways.map(({ confirmedAt }) => Date.parse(confirmedAt ?? "") || 0));
    const sinceMs = Math.max(0, lastMs - Date.parse(operation.committedAt ?? "")) || 0;
    return t("allConfirmed", { ms: Math.round(sinceMs) });
  }
  if (operation.status === "safe") return t("safeText");
  const missing = gateways.filter(({ state }) => state === "waiting" || state === "unreachable");
  const names = missing.map(({ name }) => name).join(", ");
  if (direction === "refuse" && operation.safeBy !== undefined && Date.parse(operation.safeBy) > now) {
    return t.rich("byAtLatest", {
      at: clock(operation.safeBy),
      names,
      b: (chunks) => <b className="strong num">{chunks}</b>,
    });
  }
  return missing.every(({ state }) => state === "unreachable")
    ? t("applyLater", { names })
    : t("stillGoing", { names });
}

function Legend() {
  const t = useTranslations("keyChange");
  return (
    <div className="gate">
      <p className="keyline">
        <span>
          <i className="was" />
          {t("legendWas")}
        </span>
        <span>
          <i className="open" />
          {t("legendOpen")}
        </span>
        <span>
          <i className="shut" />
          {t("legendShut")}
        </span>
      </p>
    </div>
  );
}
