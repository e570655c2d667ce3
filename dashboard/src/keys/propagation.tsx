import { useQuery } from "@tanstack/react-query";
import { useId } from "react";
import { useTranslations } from "use-intl";
import { type Tooth, teethOf } from "../api/fleet.ts";
import { fleetQuery } from "../api/queries.ts";
import { Bit } from "../ui/bit.tsx";
import { clock } from "../words/format.ts";

/** Which gateways hold a key's last change: `3/3`, or `Applying 2/3` with the rest by name on hover and focus. */
export function Propagation({ revision, muted }: { revision: string; muted: boolean }) {
  const t = useTranslations("keys");
  const { data: fleet } = useQuery(fleetQuery);
  if (fleet === undefined) return null;
  const teeth = teethOf(fleet, revision);
  const held = teeth.filter(({ state }) => state === "holds").length;
  const figures = { held, all: teeth.length };
  const bit = <Bit states={teeth.map(({ state }) => state)} muted={muted} />;
  if (held === teeth.length) {
    return (
      <span className="gw">
        {bit}
        <span className="num">{t("applied", figures)}</span>
      </span>
    );
  }
  return <Partly teeth={teeth} bit={bit} word={t("applying", figures)} />;
}

function Partly({ teeth, bit, word }: { teeth: readonly Tooth[]; bit: React.ReactNode; word: string }) {
  const t = useTranslations("keys");
  const noteId = useId();
  const gone = teeth.filter(({ state }) => state === "gone").map(({ name }) => name);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the note opens on focus, so the keyboard must get here
    <span className="gw part" tabIndex={0} aria-describedby={noteId}>
      {bit}
      {word}
      <span className="gw-note" role="tooltip" id={noteId}>
        <span className="grid gap-1">
          {teeth.map(({ gatewayId, name, state, lastHeartbeatAt }) => (
            <span key={gatewayId} className="flex justify-between gap-2">
              <b className="strong">{name}</b>
              <span className="num">
                {state === "holds"
                  ? t("holdsIt")
                  : state === "waits"
                    ? t("waits")
                    : t("unreachable", { at: lastHeartbeatAt === null ? "–" : clock(lastHeartbeatAt) })}
              </span>
            </span>
          ))}
        </span>
        {gone.length === 0 ? null : (
          <span className="mt-1.5 block border-line border-t pt-1.5">
            {t("onReconnect", { names: gone.join(", ") })}
          </span>
        )}
      </span>
    </span>
  );
}
