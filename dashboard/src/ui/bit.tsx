import type { Tooth } from "../api/fleet.ts";

const teeth = { holds: "", waits: "wait", gone: "gone" } as const;

/** A key's bit: one tooth per gateway. It means gateways and nothing else, and a word always stands beside it. */
export function Bit({
  states,
  large,
  muted,
}: {
  states: readonly Tooth["state"][];
  large?: boolean;
  muted?: boolean;
}) {
  const whole = states.every((state) => state === "holds");
  const tone = muted && whole ? "off" : whole ? "ok" : "part";
  return (
    <span className={large ? "bit bit-lg" : `bit ${tone}`} aria-hidden="true">
      {states.map((state, n) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a tooth is its place
        <i key={n} className={teeth[state]} />
      ))}
    </span>
  );
}
