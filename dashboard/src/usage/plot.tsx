/** What all charts share: the frame with its lines and names, and a cursor that the mouse and the arrow keys move. */
import { type KeyboardEvent, type PointerEvent, type ReactNode, useRef } from "react";

export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const NARROW = 480;

/** A frame as wide as there is room, in pixels, so that its words keep their size. */
export function frameOf(width: number, height: number): Frame {
  const narrow = width < NARROW;
  return { width, height, left: narrow ? 48 : 60, right: narrow ? 8 : 56, top: 14, bottom: 28 };
}

/** How many names have room below the axis. */
export function roomForNames({ width }: Frame): number {
  return Math.max(2, Math.min(8, Math.floor(width / 84)));
}

/** Where a value stands, from the top. */
export function heightOf(frame: Frame, value: number, max: number): number {
  const room = frame.height - frame.top - frame.bottom;
  return frame.top + room * (1 - (max === 0 ? 0 : value / max));
}

/** The middle of a place, from the left. */
export function middleOf(frame: Frame, place: number, places: number): number {
  const room = frame.width - frame.left - frame.right;
  return frame.left + (room * (place + 0.5)) / places;
}

export interface PlotProps {
  readonly frame: Frame;
  /** What it is, and how it is moved along. */
  readonly label: string;
  readonly lines: readonly number[];
  readonly lineLabel: (value: number) => string;
  readonly names: readonly { readonly place: number; readonly text: string }[];
  readonly places: number;
  readonly cursor: number | null;
  readonly onCursor: (place: number | null) => void;
  readonly children: ReactNode;
}

export function Plot(props: PlotProps) {
  const { frame, label, lines, lineLabel, names, places, cursor, onCursor, children } = props;
  const svg = useRef<SVGSVGElement>(null);
  const point = (event: PointerEvent) => {
    const box = svg.current?.getBoundingClientRect();
    if (box === undefined) return;
    const x = ((event.clientX - box.left) / box.width) * frame.width - frame.left;
    const place = Math.floor((x / (frame.width - frame.left - frame.right)) * places);
    onCursor(place >= 0 && place < places ? place : null);
  };
  const press = (event: KeyboardEvent) => {
    const next = placeOf(event.key, cursor ?? places - 1, places);
    if (next === undefined) return;
    event.preventDefault();
    onCursor(next);
  };
  const max = lines.at(-1) ?? 1;
  const zero = heightOf(frame, 0, max);
  const end = frame.width - frame.right;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is of forms; this is a picture
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys move a cursor along it
    <div className="plot-at" role="group" aria-label={label} tabIndex={0} onKeyDown={press}>
      <svg
        ref={svg}
        className="plot"
        width={frame.width}
        height={frame.height}
        aria-hidden="true"
        onPointerMove={point}
        onPointerLeave={() => onCursor(null)}
      >
        <line className="base" x1={frame.left} x2={end} y1={zero} y2={zero} />
        <Level y={zero} frame={frame} text={lineLabel(0)} />
        {lines.map((value) => {
          const y = heightOf(frame, value, max);
          return (
            <g key={value}>
              <line className="grid" x1={frame.left} x2={end} y1={y} y2={y} />
              <Level y={y} frame={frame} text={lineLabel(value)} />
            </g>
          );
        })}
        {children}
        {names.map(({ place, text }) => (
          <text key={place} x={middleOf(frame, place, places)} y={frame.height - 8} textAnchor="middle">
            {text}
          </text>
        ))}
      </svg>
    </div>
  );
}

function Level({ y, frame, text }: { y: number; frame: Frame; text: string }) {
  return (
    <text x={frame.left - 10} y={y + 4} textAnchor="end">
      {text}
    </text>
  );
}

function placeOf(key: string, from: number, places: number): number | undefined {
  if (key === "ArrowLeft") return Math.max(0, from - 1);
  if (key === "ArrowRight") return Math.min(places - 1, from + 1);
  if (key === "Home") return 0;
  return key === "End" ? places - 1 : undefined;
}
