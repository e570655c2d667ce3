import { useQuery } from "@tanstack/react-query";
import { ListFilter } from "lucide-react";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { fleetQuery, membersQuery, projectsQuery, providersQuery } from "../api/queries.ts";
import { TextFilter } from "../logs/record-filters.tsx";
import { Button } from "../ui/button.tsx";
import { type Option, Select } from "../ui/select.tsx";
import type { Range } from "./range.ts";
import { type FilterName, metrics, ranges, type UsageSearch } from "./search.ts";
import type { SetSearch } from "./use-usage-search.ts";

export interface FiltersProps {
  readonly search: UsageSearch;
  readonly range: Range;
  readonly set: SetSearch;
}

/** `tool`: models of the provider `mcp`, which are tools. */
const groups = [
  "key",
  "model",
  "tool",
  "provider",
  "gateway",
  "owner",
  "project",
  "agent",
  "code",
  "metadata",
] as const;

/** What calls of MCP servers are counted under; they cost nothing that is known, so their number is shown. */
const MCP = "mcp";

function groupedBy(by: string, ofTools: boolean): Record<string, string> {
  if (by === "tool") return { by: "model", provider: MCP, show: "requests", sort: "" };
  const others = ofTools && by === "model" ? { provider: "" } : {};
  return { by: by === "metadata" ? "metadata.team" : by, sort: "", ...others };
}

/** Time, grouping and what is shown; below them, when asked for, what narrows. */
export function Filters({ search, range, set }: FiltersProps) {
  const t = useTranslations("usage");
  const narrowing = Object.keys(search.filters).length + (search.tag === undefined ? 0 : 1);
  const [open, setOpen] = useState(narrowing > 0);
  const ofTools = search.filters.provider === MCP;
  const [group, tag] = search.by.startsWith("metadata.") ? ["metadata", search.by.slice(9)] : [search.by, ""];
  return (
    <search className="usage-filters">
      <div className="filters">
        <Select
          look="filter"
          label={t("range")}
          value={search.range}
          onChange={(name) =>
            set(name === "custom" ? daysOf(range) : { range: name, from: "", to: "", per: "" })
          }
          options={ranges.map((value) => ({ value, label: t(`ranges.${value}`) }))}
        />
        {search.range === "custom" ? <Days search={search} set={set} /> : null}
        <Select
          look="filter"
          label={t("by")}
          value={ofTools && group === "model" ? "tool" : group}
          onChange={(by) => set(groupedBy(by, ofTools))}
          options={groups.map((value) => ({ value, label: t(`bys.${value}`) }))}
        />
        {group === "metadata" ? (
          <TextFilter label={t("tagName")} value={tag} onChange={(name) => set({ by: `metadata.${name}` })} />
        ) : null}
        <Select
          look="filter"
          label={t("per")}
          value={range.per}
          onChange={(per) => set({ per })}
          options={range.intervals.map((value) => ({ value, label: t(`pers.${value}`) }))}
        />
        <Select
          look="filter"
          label={t("show")}
          value={search.show}
          onChange={(show) => set({ show })}
          options={metrics.map((value) => ({ value, label: t(`shows.${value}`) }))}
        />
        <TextFilter label={t("search")} value={search.q ?? ""} onChange={(q) => set({ q })} />
        <Button kind="plain" icon={ListFilter} aria-expanded={open} onClick={() => setOpen(!open)}>
          {narrowing === 0 ? t("filter") : t("filterCount", { count: narrowing })}
        </Button>
      </div>
      {open ? <Narrowing search={search} set={set} /> : null}
    </search>
  );
}

/** The days that are shown now, to begin with. */
function daysOf({ fromMs, toMs }: Range) {
  const text = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  return { range: "custom", from: text(fromMs), to: text(toMs - 1), per: "" };
}

function Days({ search, set }: Pick<FiltersProps, "search" | "set">) {
  const t = useTranslations("usage");
  return (["from", "to"] as const).map((name) => (
    <label key={name} className="field days">
      <span className="soft">{t(name)}</span>
      <input
        type="date"
        value={search[name] ?? ""}
        onChange={({ target }) => (target.value === "" ? undefined : set({ [name]: target.value }))}
      />
    </label>
  ));
}

/** One value of each dimension, chosen or written. */
function Narrowing({ search, set }: Pick<FiltersProps, "search" | "set">) {
  const t = useTranslations("usage");
  const { data: fleet = [] } = useQuery(fleetQuery);
  const { data: providers = [] } = useQuery(providersQuery);
  const { data: members = [] } = useQuery(membersQuery);
  const { data: projects = [] } = useQuery(projectsQuery);
  const named = (rows: readonly { id: string; attributes: { name: string } }[]) =>
    rows.map(({ id, attributes }) => ({ value: id, label: attributes.name }));
  const choose = (name: FilterName, options: readonly Option[]) => (
    <Select
      look="filter"
      label={t(`bys.${name}`)}
      value={search.filters[name] ?? ""}
      onChange={(value) => set({ [name]: value })}
      options={[{ value: "", label: t("any") }, ...options]}
    />
  );
  const write = (name: FilterName) => (
    <TextFilter
      label={t(`bys.${name}`)}
      value={search.filters[name] ?? ""}
      onChange={(value) => set({ [name]: value })}
    />
  );
  return (
    <div className="filters">
      {choose(
        "gateway",
        fleet.map(({ attributes: { name } }) => ({ value: name, label: name })),
      )}
      {choose("provider", [
        ...providers.map(({ id }) => ({ value: id, label: id })),
        { value: MCP, label: t("mcp") },
      ])}
      {choose("owner", named(members))}
      {choose("project", named(projects))}
      {write("model")}
      {write("code")}
      {search.filters.key === undefined ? null : write("key")}
      {search.filters.agent === undefined ? null : write("agent")}
      <TextFilter label={t("tag")} value={search.tag ?? ""} onChange={(tag) => set({ tag })} />
    </div>
  );
}
