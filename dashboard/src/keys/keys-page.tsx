/** `/keys`: every key of the organization, by page, with what the address asks for. */
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useNavigate, useRouter, useRouterState, useSearch } from "@tanstack/react-router";
import { Plus, UserPlus } from "lucide-react";
import { lazy, Suspense, useCallback, useRef, useState } from "react";
import { useTranslations } from "use-intl";
import type { Answer } from "../api/client.ts";
import { type ApiKey, keysQuery } from "../api/queries.ts";
import { useKeyboard } from "../shell/keyboard.ts";
import { PageHead } from "../shell/page-head.tsx";
import { useMay, useSession } from "../shell/session.ts";
import { Bones } from "../ui/bones.tsx";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { NewPill } from "../ui/new-pill.tsx";
import { ProblemPage } from "../ui/problem.tsx";
import { type HeldRows, useHeld } from "../ui/use-held.ts";
import type { Acting } from "./actions.tsx";
import { BulkBar } from "./bulk-bar.tsx";
import { EmptyKeys } from "./empty-keys.tsx";
import { Filters } from "./filters.tsx";
import { Pager } from "./pager.tsx";
import { useRowKeys } from "./row-keys.ts";
import { SafetyCards } from "./safety-cards.tsx";
import { DEFAULT_SORT, type KeySearch, PAGE_SIZE, readKeySearch, unknownIn } from "./search.ts";
import { useSelection } from "./selection.ts";
import { useShownColumns } from "./shown-columns.ts";
import { KeyTable } from "./table.tsx";

/** What is done with a key needs dialogs, which looking at keys does not. */
const KeyAction = lazy(async () => ({ default: (await import("./actions.tsx")).KeyAction }));

export function KeysPage() {
  const t = useTranslations("keys");
  const { organizationName: organization } = useSession();
  const may = useMay("member");
  const isNew = useRouterState({ select: (state) => state.location.pathname.endsWith("/keys/new") });
  const navigate = useNavigate();
  const search = readKeySearch(useSearch({ strict: false }));
  const field = useRef<HTMLInputElement>(null);
  useKeyboard({
    c: () => may && void navigate({ to: "/keys/new" }),
    "/": () => field.current?.focus(),
  });
  // A form that one's role does not open says so in place of the list below it.
  if (isNew && !may) return <Outlet />;
  return (
    <>
      <PageHead
        title={t("title")}
        lead={t("lead", { organization })}
        actions={may ? <CreateActions /> : undefined}
      />
      <KeyList field={field} search={search} frozen={isNew} />
      <Outlet />
    </>
  );
}

function CreateActions() {
  const t = useTranslations("keys");
  const admin = useMay("admin");
  return (
    <>
      {admin ? (
        <Link className="btn" to="/keys/new" search={{ for: "member" }}>
          <Icon of={UserPlus} />
          {t("createForUser")}
        </Link>
      ) : null}
      <Link className="btn btn-primary" to="/keys/new">
        <Icon of={Plus} />
        {t("create")} <kbd className="not-narrow">C</kbd>
      </Link>
    </>
  );
}

const none: readonly ApiKey[] = [];
const keyOf = ({ id }: ApiKey) => id;

interface KeyListProps {
  readonly search: KeySearch;
  readonly field: React.RefObject<HTMLInputElement | null>;
  /** While a form lies over the list its address is the form's. */
  readonly frozen: boolean;
}

function KeyList({ search: asked, field, frozen }: KeyListProps) {
  const [acting, setActing] = useState<Acting | null>(null);
  const { shown, toggle } = useShownColumns();
  const search = frozen ? {} : asked;
  const filters = filtersOf(search);
  const query = useQuery({ ...keysQuery(filters), placeholderData: keepPreviousData });
  const { data, isPlaceholderData, dataUpdatedAt } = query;
  const setSearch = useSetSearch();
  const onSort = useCallback(
    (sort: string) => setSearch({ sort: sort === DEFAULT_SORT ? undefined : sort }),
    [setSearch],
  );
  const held = useHeld(data?.data ?? none, keyOf, JSON.stringify(filters));
  const selection = useSelection(held.rows, JSON.stringify({ ...filters, after: "", sort: "" }));
  useRowKeys(selection);
  if (data === undefined) return <NotYet error={query.error} onRetry={() => void query.refetch()} />;
  const filtered = Boolean(search.q || search.status || search.owner || search.project || search.safety);
  const total = data.meta.total ?? data.data.length;
  if (total === 0 && !filtered) return <EmptyKeys />;
  return (
    <>
      <UnknownNote search={search} frozen={frozen} />
      <SafetyCards chosen={search.safety} />
      <Filters
        search={search}
        filters={filters}
        onSearch={setSearch}
        shown={shown}
        onShow={toggle}
        field={field}
      />
      {total === 0 ? (
        <NoMatch search={search} />
      ) : (
        <KeyPanel
          {...{ held, search, answer: data, shown, onSort, selection }}
          onAct={setActing}
          dim={isPlaceholderData}
          atMs={dataUpdatedAt}
        />
      )}
      <BulkBar selection={selection} filters={filters} total={total} />
      {acting === null ? null : (
        <Suspense>
          <KeyAction acting={acting} onClose={() => setActing(null)} />
        </Suspense>
      )}
    </>
  );
}

interface KeyPanelProps extends Omit<Parameters<typeof KeyTable>[0], "keys" | "sort"> {
  readonly held: HeldRows<ApiKey>;
  readonly search: KeySearch;
  readonly answer: Answer<ApiKey[]>;
  readonly dim: boolean;
  readonly atMs: number;
}

function KeyPanel({ held, search, answer, dim, atMs, ...table }: KeyPanelProps) {
  const t = useTranslations("keys");
  const { data, meta, next } = answer;
  return (
    <>
      <NewPill fresh={held.fresh} onShow={held.release} />
      <section className={`panel keys-panel${dim ? " dim" : ""}`} aria-label={t("title")}>
        <div className="scroll-x">
          <KeyTable {...table} keys={held.rows} sort={search.sort ?? DEFAULT_SORT} />
        </div>
        <Pager {...{ search, next, atMs }} count={data.length} total={meta.total ?? data.length} />
      </section>
    </>
  );
}

/** Changes what the list is asked for. The question goes out before the page is drawn anew, so that nobody waits for both. */
function useSetSearch() {
  const navigate = useNavigate();
  const router = useRouter();
  const client = useQueryClient();
  return useCallback(
    (change: Partial<KeySearch>) => {
      const present = readKeySearch(router.state.location.search);
      const search = { ...present, page: undefined, after: undefined, ...change };
      void client.prefetchQuery(keysQuery(filtersOf(search)));
      void navigate({ to: "/keys", search });
    },
    [navigate, router, client],
  );
}

function NotYet({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const ui = useTranslations("ui");
  if (error !== null) return <ProblemPage error={error} onRetry={onRetry} />;
  return (
    <section className="panel">
      <Bones label={ui("loading")} />
    </section>
  );
}

function filtersOf(search: KeySearch) {
  return {
    search: search.q ?? "",
    status: search.status ?? "",
    owner: search.owner ?? "",
    project: search.project ?? "",
    safety: search.safety ?? "",
    sort: search.sort ?? DEFAULT_SORT,
    after: search.after,
    size: PAGE_SIZE,
  };
}

function UnknownNote({ search, frozen }: { search: KeySearch; frozen: boolean }) {
  const t = useTranslations("keys");
  const [first] = useState(() => location.search);
  const unknown = frozen
    ? []
    : unknownIn(first, readKeySearch(Object.fromEntries(new URLSearchParams(first))));
  if (unknown.length === 0 || search === undefined) return null;
  return (
    <p className="hint mb-3" role="status">
      {t("unknownFilter", { names: unknown.join(", ") })}
    </p>
  );
}

function NoMatch({ search }: { search: KeySearch }) {
  const t = useTranslations("keys");
  const status = useTranslations("status");
  const safety = useTranslations("safety");
  const navigate = useNavigate();
  const named = [
    search.q && `“${search.q}”`,
    search.status && `${t("status")} ${status(search.status)}`,
    search.owner && t("owner"),
    search.project && t("project"),
    search.safety && safety(search.safety),
  ].filter((part) => part !== undefined && part !== "");
  return (
    <section className="panel plain-empty">
      <div>
        <b>{t("noMatch")}</b>
        <p>{t("noMatchFilters", { filters: named.join(", ") })}</p>
      </div>
      <Button onClick={() => void navigate({ to: "/keys", search: {} })}>{t("clear")}</Button>
    </section>
  );
}
