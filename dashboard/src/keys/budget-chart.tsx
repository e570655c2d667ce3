/** What a key has spent of its budget in this period, and where it goes: never above the cap, which is hard. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useTranslations } from "use-intl";
import { ask } from "../api/client.ts";
import type { ApiKey } from "../api/queries.ts";
import { useNow } from "../ui/now.tsx";
import { nanosOf, onAxis, shown } from "../usage/figures.ts";
import { ChartPanel, type Drawn } from "../usage/panel.tsx";
import { heightOf, middleOf, Plot, roomForNames } from "../usage/plot.tsx";
import { type UsageRow, usagePath } from "../usage/queries.ts";
import { momentOf, tickOf } from "../usage/range.ts";
import { linesOf, namedPlaces } from "../usage/scale.ts";
import { dollars, exact } from "../words/format.ts";
import { type Forecast, forecastOf, type Window, windowOf } from "./forecast.ts";

const AGAIN_MS = 30_000;

export function BudgetChart({ apiKey }: { apiKey: ApiKey }) {
  const t = useTranslations("budget");
  const { budgetUsd, budgetPeriod, budgetState, createdAt } = apiKey.attributes;
  // By the minute: a forecast that moves with every second is no forecast.
  const nowMs = Math.floor(useNow() / 60_000) * 60_000;
  const window = windowOf(budgetPeriod ?? "total", budgetState?.endsAt ?? null, createdAt, nowMs);
  const { data } = useQuery(spentQuery(apiKey.id, window));
  if (budgetUsd === null || data === undefined) return null;
  const cap = nanosOf(budgetUsd);
  const forecast = forecastOf(window, data, cap, nowMs);
  const per = window.stepMs < 86_400_000 ? "hour" : "day";
  const starts = forecast.spent.map((_, n) => window.fromMs + n * window.stepMs);
  const text = (value: number) => (Number.isFinite(value) ? shown(value, "spentUsd") : "–");
  const series = [
    { id: "spent", label: t("spent"), color: "var(--color-chart-1)", values: forecast.spent },
    { id: "ahead", label: t("ahead"), color: "var(--color-chart-1)", values: forecast.ahead },
  ];
  return (
    <ChartPanel
      {...{ title: t("title"), series, summed: false, dim: false, height: 200 }}
      unit={outlookOf(t, forecast, dollars(budgetUsd), window)}
      moments={starts.map((atMs) => momentOf(atMs, per))}
      text={text}
      textOf={({ id }, value) =>
        id === "ahead" && Number.isFinite(value) ? `≈ ${text(value)}` : text(value)
      }
    >
      {(drawn) => (
        <Course
          {...drawn}
          {...{ forecast, cap }}
          label={t("help", { title: t("title") })}
          capLabel={t("cap", { amount: dollars(budgetUsd) })}
          ticks={starts.map((atMs) => tickOf(atMs, per))}
        />
      )}
    </ChartPanel>
  );
}

function outlookOf(
  t: ReturnType<typeof useTranslations<"budget">>,
  { ahead, reachedAtMs }: Forecast,
  amount: string,
  { toMs }: Window,
): string {
  if (reachedAtMs !== null) return t("reaches", { amount, at: exact(new Date(reachedAtMs).toISOString()) });
  return t("stays", {
    amount: shown(ahead.at(-1) ?? 0, "spentUsd"),
    at: exact(new Date(toMs).toISOString()),
  });
}

function spentQuery(keyId: string, { fromMs, toMs, stepMs }: Window) {
  const path = usagePath({
    search: { filters: { key: keyId } } as Parameters<typeof usagePath>[0]["search"],
    range: { fromMs, toMs },
    more: { interval: stepMs < 86_400_000 ? "hour" : "day", "page[size]": "200" },
  });
  return {
    queryKey: ["usage", "budget", path],
    queryFn: async ({ signal }: { signal: AbortSignal }) => {
      const { data } = await ask<UsageRow[]>("GET", path, { signal });
      const spent: number[] = [];
      for (const { attributes } of data) {
        spent[Math.floor((Date.parse(attributes.at ?? "") - fromMs) / stepMs)] = nanosOf(attributes.spentUsd);
      }
      return spent;
    },
    placeholderData: keepPreviousData<number[]>,
    refetchInterval: AGAIN_MS,
    refetchIntervalInBackground: false,
  };
}

interface CourseProps extends Drawn {
  readonly forecast: Forecast;
  readonly cap: number;
  readonly label: string;
  readonly capLabel: string;
  readonly ticks: readonly string[];
}

function Course({ frame, cursor, onCursor, forecast, cap, label, capLabel, ticks }: CourseProps) {
  const places = ticks.length;
  const lines = linesOf(cap, false);
  const max = lines.at(-1) ?? 1;
  const at = (place: number, value: number) =>
    `${middleOf(frame, place, places).toFixed(1)} ${heightOf(frame, value, max).toFixed(1)}`;
  const path = (values: readonly number[]) =>
    values
      .map((value, n) =>
        Number.isFinite(value) ? `${Number.isFinite(values[n - 1]) ? "L" : "M"}${at(n, value)}` : "",
      )
      .join("");
  const capY = heightOf(frame, cap, max);
  return (
    <Plot
      {...{ frame, label, lines, places, cursor, onCursor }}
      lineLabel={(value) => onAxis(shown(value, "spentUsd"))}
      names={namedPlaces(places, roomForNames(frame)).map((place) => ({ place, text: ticks[place] ?? "" }))}
    >
      {cursor === null ? null : (
        <line
          className="base"
          x1={middleOf(frame, cursor, places)}
          x2={middleOf(frame, cursor, places)}
          y1={frame.top}
          y2={heightOf(frame, 0, 1)}
        />
      )}
      <line className="cap" x1={frame.left} x2={frame.width - frame.right} y1={capY} y2={capY} />
      <text x={frame.left + 6} y={capY + 14}>
        {capLabel}
      </text>
      <path className="course" d={path(forecast.spent)} />
      <path className="course ahead" d={path(forecast.ahead)} />
    </Plot>
  );
}
