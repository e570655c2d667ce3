/** The figures of each group: the chart's table twin, with the same swatches, and more than the chart can show. */
import type { UsageFigures } from "@claviger/shared/api/usage";
import { Link } from "@tanstack/react-router";
import { ArrowDown, ArrowUp, ListFilter } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslations } from "use-intl";
import { Button, IconButton } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import {
  attemptsOf,
  cachedShare,
  duration,
  exactly,
  figureOf,
  isUnpriced,
  shareOf,
  shown,
  tokensOf,
} from "./figures.ts";
import { dimensionOf, useGroupName, valueIn } from "./names.ts";
import type { UsageRow } from "./queries.ts";
import type { UsageSearch } from "./search.ts";
import type { SetSearch } from "./use-usage-search.ts";

export interface GroupTableProps {
  readonly rows: readonly UsageRow[];
  readonly total: UsageFigures;
  readonly groups: number;
  readonly next: string | null;
  readonly search: UsageSearch;
  readonly set: SetSearch;
  /** As it is sorted now. */
  readonly sort: string;
  readonly colorOf: (row: UsageRow) => string;
  readonly dim: boolean;
}

interface Column {
  readonly id: string;
  readonly word:
    | "colCost"
    | "colShare"
    | "colRequests"
    | "colTokens"
    | "colCached"
    | "colErrors"
    | "colRefused"
    | "colP95";
  readonly width: number;
  /** What the table can be sorted by here. */
  readonly sort?: "spentUsd" | "requests" | "tokens" | "errors" | "refused";
  readonly cell: (figures: UsageFigures, total: UsageFigures, unpriced: string) => ReactNode;
}

const counted = (name: "requests" | "refused") => (figures: UsageFigures) => (
  <span title={exactly(figures[name], name)}>{shown(figures[name], name)}</span>
);

const columns: readonly Column[] = [
  {
    ...{ id: "cost", word: "colCost", width: 120, sort: "spentUsd" },
    cell: (figures, _, unpriced) =>
      isUnpriced(figures) ? (
        unpriced
      ) : (
        <span title={exactly(figureOf(figures, "spentUsd"), "spentUsd")}>
          {shown(figureOf(figures, "spentUsd"), "spentUsd")}
        </span>
      ),
  },
  {
    ...{ id: "share", word: "colShare", width: 84 },
    cell: (figures, total) => shareOf(figureOf(figures, "spentUsd"), figureOf(total, "spentUsd")) ?? "–",
  },
  { ...{ id: "requests", word: "colRequests", width: 104, sort: "requests" }, cell: counted("requests") },
  {
    ...{ id: "tokens", word: "colTokens", width: 104, sort: "tokens" },
    cell: (figures) => (
      <span title={exactly(tokensOf(figures), "tokens")}>{shown(tokensOf(figures), "tokens")}</span>
    ),
  },
  { ...{ id: "cached", word: "colCached", width: 100 }, cell: (figures) => cachedShare(figures) ?? "–" },
  {
    ...{ id: "errors", word: "colErrors", width: 92, sort: "errors" },
    cell: (figures) => (
      <span title={exactly(figures.errors, "errors")}>
        {shareOf(figures.errors, attemptsOf(figures)) ?? "–"}
      </span>
    ),
  },
  { ...{ id: "refused", word: "colRefused", width: 92, sort: "refused" }, cell: counted("refused") },
  {
    ...{ id: "p95", word: "colP95", width: 112 },
    cell: ({ latencyP95Ms }) => {
      const read = duration(latencyP95Ms);
      return read === null ? "–" : `${read.text} ${read.unit}`;
    },
  },
];

export function GroupTable(props: GroupTableProps) {
  const { rows, total, groups, next, search, set, dim } = props;
  const t = useTranslations("usage");
  const by = dimensionOf(search.by);
  const more = next !== null || search.after !== undefined;
  return (
    <section
      className={`panel use-panel${dim ? " dim" : ""}`}
      aria-label={t("tableLabel", { by: t(`lower.${by}`, { tag: search.by.slice(9) }) })}
    >
      <div className="scroll-x">
        <table role="table" className="use-t stack">
          <Head {...props} />
          <tbody role="rowgroup">
            {rows.map((row) => (
              <Row key={row.id} row={row} {...props} />
            ))}
          </tbody>
          <tfoot role="rowgroup">
            <tr role="row">
              <td role="cell">{t("totalOf", { count: groups })}</td>
              <Cells figures={total} total={total} />
            </tr>
          </tfoot>
        </table>
      </div>
      {more ? (
        <footer className="tfoot">
          <span className="grow" />
          <span className="pager">
            <Button small disabled={search.after === undefined} onClick={() => set({ after: "" })}>
              {t("newest")}
            </Button>
            <Button small disabled={next === null} onClick={() => set({ after: next ?? "" })}>
              {t("older")}
            </Button>
          </span>
        </footer>
      ) : null}
    </section>
  );
}

function Head({ search, sort, set }: GroupTableProps) {
  const t = useTranslations("usage");
  return (
    <>
      <colgroup>
        <col />
        {columns.map(({ id, width }) => (
          <col key={id} style={{ width }} />
        ))}
      </colgroup>
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" scope="col">
            {t(`bys.${dimensionOf(search.by)}`)}
          </th>
          {columns.map(({ id, word, sort: name }) => {
            const sorted = sort.replace(/^-/, "") === name;
            const ascending = sorted && !sort.startsWith("-");
            return (
              <th
                key={id}
                role="columnheader"
                scope="col"
                className="r"
                aria-sort={sorted ? (ascending ? "ascending" : "descending") : undefined}
              >
                {name === undefined ? (
                  t(word)
                ) : (
                  <button
                    type="button"
                    onClick={() => set({ sort: sorted && !ascending ? name : `-${name}` })}
                  >
                    {t(word)}
                    {sorted ? <Icon of={ascending ? ArrowUp : ArrowDown} /> : null}
                  </button>
                )}
              </th>
            );
          })}
        </tr>
      </thead>
    </>
  );
}

function Row({ row, total, search, set, colorOf }: { row: UsageRow } & GroupTableProps) {
  const t = useTranslations("usage");
  const name = useGroupName(search.by)(row);
  const value = valueIn(row.attributes, search.by);
  return (
    <tr role="row">
      <td role="cell">
        <span className="use-name">
          <span className="sw" style={{ background: colorOf(row) }} />
          <GroupLink by={search.by} value={value} name={name} />
          {value === null ? null : (
            <IconButton
              icon={ListFilter}
              tiny
              label={t("only", { name })}
              onClick={() => set(narrowedTo(search.by, value))}
            />
          )}
        </span>
      </td>
      <Cells figures={row.attributes} total={total} />
    </tr>
  );
}

/** Grouped by what is left to tell apart: one key's models, one model's keys. */
function narrowedTo(by: string, value: string): Record<string, string> {
  if (by.startsWith("metadata.")) return { tag: `${by.slice(9)}=${value}`, by: "key", sort: "" };
  return { [by]: value, by: by === "key" ? "model" : "key", sort: "" };
}

function GroupLink({ by, value, name }: { by: string; value: string | null; name: string }) {
  const machine = value !== null && (by === "model" || by === "provider" || by === "code" || name === value);
  const text = (
    <span className={`cut${machine ? " mono" : ""}`} title={name}>
      {name}
    </span>
  );
  // A name is known of what was deleted too; its page says so.
  if (by !== "key" || value === null) return text;
  return (
    <Link className="cut" to="/keys/$keyId" params={{ keyId: value }} title={name}>
      {name}
    </Link>
  );
}

function Cells({ figures, total }: { figures: UsageFigures; total: UsageFigures }) {
  const t = useTranslations("usage");
  return columns.map(({ id, word, cell }) => (
    <td key={id} role="cell" data-l={t(word)} className={`r num${id === "cost" ? " strong" : ""}`}>
      {cell(figures, total, t("unpriced"))}
    </td>
  ));
}
