/** A chart and its twin: the same figures as bars or lines, and as a table. The legend is the read-out of the cursor. */
import { type ReactNode, useLayoutEffect, useRef, useState } from "react";
import { useTranslations } from "use-intl";
import { Button } from "../ui/button.tsx";
import { type Frame, frameOf } from "./plot.tsx";
import type { Series } from "./series.ts";

export interface Twin {
  readonly title: string;
  readonly unit: string;
  /** Names of the intervals, oldest first. */
  readonly moments: readonly string[];
  readonly series: readonly Series[];
  /** A value as it is read; NaN is none. */
  readonly text: (value: number) => string;
  /** Adds a column with the sum of the others. */
  readonly summed: boolean;
  readonly dim: boolean;
  /** In place of `text`, where the series are read differently. */
  readonly textOf?: (series: Series, value: number) => string;
}

/** What a chart is drawn with. */
export interface Drawn {
  readonly frame: Frame;
  readonly cursor: number | null;
  readonly onCursor: (place: number | null) => void;
}

export interface ChartPanelProps extends Twin {
  /** Pixels. */
  readonly height: number;
  readonly children: (drawn: Drawn) => ReactNode;
}

export function ChartPanel({ height, children, ...twin }: ChartPanelProps) {
  const t = useTranslations("usage");
  const [table, setTable] = useState(false);
  const [cursor, setCursor] = useState<number | null>(null);
  const { title, unit, dim } = twin;
  return (
    <section className={`panel chart${dim ? " dim" : ""}`} aria-label={title}>
      <header>
        <div>
          <h2>{title}</h2>
          <p>{unit}</p>
        </div>
        {table ? <span className="grow" /> : <Readout {...twin} cursor={cursor} />}
        <Button small kind="plain" aria-pressed={table} onClick={() => setTable(!table)}>
          {table ? t("asChart") : t("asTable")}
        </Button>
      </header>
      {table ? (
        <TwinTable {...twin} />
      ) : (
        <Room height={height}>{(frame) => children({ frame, cursor, onCursor: setCursor })}</Room>
      )}
    </section>
  );
}

/** Measures its width before anything is painted, and whenever it changes. */
function Room({ height, children }: { height: number; children: (frame: Frame) => ReactNode }) {
  const room = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = room.current;
    if (element === null) return;
    setWidth(element.clientWidth);
    const watch = new ResizeObserver(() => setWidth(element.clientWidth));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  return (
    <div ref={room} className="room" style={{ minHeight: height }}>
      {width === 0 ? null : children(frameOf(width, height))}
    </div>
  );
}

const sumAt = (series: readonly Series[], place: number) =>
  series.reduce((sum, { values }) => sum + (values[place] ?? 0), 0);

/** The values under the cursor; without one, of the whole range where they can be added. */
function Readout(props: Twin & { cursor: number | null }) {
  const { moments, series, text, summed, cursor } = props;
  const read = props.textOf ?? ((_: Series, value: number) => text(value));
  const t = useTranslations("usage");
  const valueNow = ({ values }: Series) => {
    if (cursor !== null) return values[cursor] ?? Number.NaN;
    return summed
      ? values.reduce((sum, value) => sum + value, 0)
      : (values.findLast(Number.isFinite) ?? Number.NaN);
  };
  const all = cursor === null ? series.reduce((sum, one) => sum + valueNow(one), 0) : sumAt(series, cursor);
  const head = cursor === null ? (summed ? t("total") : (moments.at(-1) ?? "")) : (moments[cursor] ?? "");
  return (
    <dl className="readout num" aria-live="polite">
      <div>
        <dt>{head}</dt>
        <dd>{summed ? text(all) : " "}</dd>
      </div>
      {series.map((one) => (
        <div key={one.id}>
          <dt>
            <i style={{ background: one.color }} />
            <span className="cut" title={one.label}>
              {one.label}
            </span>
          </dt>
          <dd>{read(one, valueNow(one))}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Every interval that has something, the newest first. */
function TwinTable({ title, moments, series, text, summed, textOf }: Twin) {
  const read = textOf ?? ((_: Series, value: number) => text(value));
  const t = useTranslations("usage");
  const places = moments
    .map((_, place) => place)
    .filter((place) => series.some(({ values }) => (values[place] ?? Number.NaN) > 0))
    .reverse();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and the keyboard has to reach that
    <section className="twin scroll-x" aria-label={title} tabIndex={0}>
      <table className="twin-t">
        <thead>
          <tr>
            <th scope="col">{t("when")}</th>
            {series.map(({ id, label }) => (
              <th key={id} scope="col" className="r" title={label}>
                <span className="cut">{label}</span>
              </th>
            ))}
            {summed ? (
              <th scope="col" className="r">
                {t("total")}
              </th>
            ) : null}
          </tr>
        </thead>
        <tbody>
          {places.map((place) => (
            <tr key={place}>
              <th scope="row">{moments[place]}</th>
              {series.map((one) => (
                <td key={one.id} className="r num">
                  {read(one, one.values[place] ?? Number.NaN)}
                </td>
              ))}
              {summed ? <td className="r num strong">{text(sumAt(series, place))}</td> : null}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
