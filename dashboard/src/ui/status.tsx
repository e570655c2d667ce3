import type { ApiKeyStatus } from "@claviger/shared/api/api-key";
import type { FleetState } from "@claviger/shared/api/gateway";
import {
  Ban,
  CircleCheck,
  CircleDashed,
  CirclePause,
  ClockAlert,
  type LucideIcon,
  Moon,
  TriangleAlert,
  Unplug,
} from "lucide-react";
import { useTranslations } from "use-intl";
import type { GatewayState } from "../api/operation.ts";
import { Icon } from "./icon.tsx";

function State({ tone, icon, word }: { tone: string; icon: LucideIcon; word: string }) {
  return (
    <span className={`st ${tone}`}>
      <Icon of={icon} small />
      {word}
    </span>
  );
}

const keyIcons: Record<ApiKeyStatus, LucideIcon> = {
  active: CircleCheck,
  inactive: CirclePause,
  expired: ClockAlert,
  revoked: Ban,
};

export function KeyStatus({ status }: { status: ApiKeyStatus }) {
  const t = useTranslations("status");
  return <State tone={status} icon={keyIcons[status]} word={t(status)} />;
}

const fleetLooks: Record<FleetState, readonly [tone: string, icon: LucideIcon]> = {
  online: ["healthy", CircleCheck],
  asleep: ["never", Moon],
  degraded: ["degraded", TriangleAlert],
  down: ["down", Unplug],
  pending: ["never", CircleDashed],
};

export function FleetStatus({ status }: { status: FleetState }) {
  const t = useTranslations("status");
  const [tone, icon] = fleetLooks[status];
  return <State tone={tone} icon={icon} word={t(status)} />;
}

const progressLooks: Record<GatewayState, readonly [tone: string, icon: LucideIcon]> = {
  confirmed: ["confirmed", CircleCheck],
  waiting: ["waiting", CircleDashed],
  unreachable: ["unreachable", Unplug],
  expired: ["confirmed", CircleCheck],
};

export function ProgressStatus({ state, word }: { state: GatewayState; word: string }) {
  const [tone, icon] = progressLooks[state];
  return <State tone={tone} icon={icon} word={word} />;
}
