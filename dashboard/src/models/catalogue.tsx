/** The catalogue: every model that the price list or an LLM key knows, with what it costs here. */
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Search } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslations } from "use-intl";
import { providersQuery } from "../api/queries.ts";
import { useMay } from "../shell/session.ts";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { Loaded } from "../ui/loaded.tsx";
import { Select } from "../ui/select.tsx";
import { ModelTable } from "./model-table.tsx";
import { type PriceActing, PriceAction } from "./price-action.tsx";
import { cataloguePage, type ModelSearch, PAGE_SIZE } from "./queries.ts";

const showWords = { served: "showServed", override: "showOverride", unpriced: "showUnpriced" } as const;
const SHOWS = ["", "served", "override", "unpriced"] as const;
/** Letters that follow each other faster than this are one question. */
const TYPING_MS = 200;

export function Catalogue() {
  const { search, set } = useModelSearch();
  const admin = useMay("admin");
  const query = useQuery(cataloguePage(search));
  const [acting, setActing] = useState<PriceActing | null>(null);
  return (
    <>
      <Filters search={search} onSearch={set} />
      <Loaded query={query}>
        {({ data, meta }) =>
          data.length === 0 ? (
            <NoMatch search={search} onClear={() => set({ q: "", provider: "", show: "" })} />
          ) : (
            <ModelTable
              models={data}
              dim={query.isPlaceholderData}
              onAct={admin ? setActing : undefined}
              footer={
                <Pager
                  page={search.page}
                  count={data.length}
                  total={meta.total ?? data.length}
                  onPage={(page) => set({ page })}
                />
              }
            />
          )
        }
      </Loaded>
      {acting === null ? null : <PriceAction acting={acting} onClose={() => setActing(null)} />}
    </>
  );
}

/** What is looked at, kept in the address; whatever changes, the list begins at its first page. */
function useModelSearch() {
  const navigate = useNavigate();
  const { q = "", provider = "", show = "", page = "1" } = useSearch({ strict: false });
  const search: ModelSearch = {
    ...{ q, provider, show: SHOWS.find((one) => one === show) ?? "" },
    page: /^[1-9]\d{0,3}$/.test(page) ? Number(page) : 1,
  };
  const set = (change: Partial<ModelSearch>) => {
    const { page: to, ...rest } = { ...search, page: 1, ...change };
    void navigate({ to: "/models", search: { ...rest, page: to === 1 ? "" : String(to) } });
  };
  return { search, set };
}

interface FiltersProps {
  readonly search: ModelSearch;
  readonly onSearch: (change: Partial<ModelSearch>) => void;
}

function Filters({ search, onSearch }: FiltersProps) {
  const t = useTranslations("models");
  const { data: providers = [] } = useQuery(providersQuery);
  const shows = [
    { value: "", label: t("showAll") },
    { value: "served", label: t("showServed") },
    { value: "override", label: t("showOverride") },
    { value: "unpriced", label: t("showUnpriced") },
  ];
  return (
    <search className="filters">
      <SearchField value={search.q} onChange={(q) => onSearch({ q })} />
      <Select
        look="filter"
        label={t("provider")}
        value={search.provider}
        onChange={(provider) => onSearch({ provider })}
        options={[
          { value: "", label: t("anyProvider") },
          ...providers.map(({ id }) => ({ value: id, label: id })),
        ]}
      />
      <Select
        look="filter"
        label={t("show")}
        value={search.show}
        onChange={(show) => onSearch({ show: SHOWS.find((one) => one === show) ?? "" })}
        options={shows}
      />
    </search>
  );
}

function SearchField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const t = useTranslations("models");
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => onChange(text), TYPING_MS);
    return () => clearTimeout(timer);
  });
  return (
    <label className="field">
      <Icon of={Search} small />
      <span className="sr">{t("searchLabel")}</span>
      <input
        type="search"
        value={text}
        placeholder={t("search")}
        onChange={(event) => setText(event.target.value)}
      />
    </label>
  );
}

function NoMatch({ search, onClear }: { search: ModelSearch; onClear: () => void }) {
  const t = useTranslations("models");
  const { q, provider, show } = search;
  const named = [q === "" ? "" : `“${q}”`, provider, show === "" ? "" : t(showWords[show])];
  const filters = named.filter((one) => one !== "").join(", ");
  return (
    <section className="panel plain-empty">
      <div>
        <b>{t("noMatch")}</b>
        <p>{t("noMatchFilters", { filters })}</p>
      </div>
      <Button onClick={onClear}>{t("clear")}</Button>
    </section>
  );
}

interface PagerProps {
  readonly page: number;
  readonly count: number;
  readonly total: number;
  readonly onPage: (page: number) => void;
}

function Pager({ page, count, total, onPage }: PagerProps) {
  const t = useTranslations("models");
  const from = (page - 1) * PAGE_SIZE + 1;
  const to = from + count - 1;
  return (
    <footer className="tfoot">
      <span>{t("figures")}</span>
      <span className="pager">
        <span className="num mr-2">{t("range", { from, to, all: total })}</span>
        <Button small disabled={page === 1} onClick={() => onPage(page - 1)}>
          {t("previous")}
        </Button>
        <Button small disabled={to >= total} onClick={() => onPage(page + 1)}>
          {t("next")}
        </Button>
      </span>
    </footer>
  );
}
