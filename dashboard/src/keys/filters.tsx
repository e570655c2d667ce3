import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Columns3, Search } from "lucide-react";
import { type RefObject, useEffect, useRef, useState } from "react";
import { useTranslations } from "use-intl";
import { type KeyFilters, membersQuery, projectsQuery } from "../api/queries.ts";
import { ViewsMenu } from "../saved-views/views-menu.tsx";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { Menu, MenuCheck } from "../ui/menu.tsx";
import { Select } from "../ui/select.tsx";
import { ExportMenu } from "./bulk-bar.tsx";
import { type ColumnId, columns } from "./columns.tsx";
import { type KeySearch, viewOf } from "./search.ts";

/** Letters that follow each other faster than this are one question: a held key, not a person's typing. */
const TYPING_MS = 60;

export interface FiltersProps {
  readonly search: KeySearch;
  readonly filters: KeyFilters;
  readonly onSearch: (change: Partial<KeySearch>) => void;
  readonly shown: readonly ColumnId[];
  readonly onShow: (id: ColumnId, on: boolean) => void;
  readonly field: RefObject<HTMLInputElement | null>;
}

export function Filters({ search, filters, onSearch, shown, onShow, field }: FiltersProps) {
  const t = useTranslations("keys");
  const status = useTranslations("status");
  const navigate = useNavigate();
  const { data: members = [] } = useQuery(membersQuery);
  const { data: projects = [] } = useQuery(projectsQuery);
  const statuses = (["active", "inactive", "expired", "revoked"] as const).map((value) => ({
    value,
    label: status(value),
  }));
  return (
    <search className="filters">
      <SearchField
        value={search.q ?? ""}
        onChange={(q) => onSearch({ q: q === "" ? undefined : q })}
        field={field}
      />
      <Select
        look="filter"
        label={t("status")}
        value={search.status ?? ""}
        onChange={(value) => onSearch({ status: statuses.find((one) => one.value === value)?.value })}
        options={[{ value: "", label: t("all") }, ...statuses]}
      />
      <Select
        look="filter"
        label={t("owner")}
        value={search.owner ?? ""}
        onChange={(owner) => onSearch({ owner: owner === "" ? undefined : owner })}
        options={[
          { value: "", label: t("anyone") },
          ...members.map(({ id, attributes }) => ({ value: id, label: attributes.name })),
        ]}
      />
      {projects.length < 2 && search.project === undefined ? null : (
        <Select
          look="filter"
          label={t("project")}
          value={search.project ?? ""}
          onChange={(project) => onSearch({ project: project === "" ? undefined : project })}
          options={[
            { value: "", label: t("all") },
            ...projects.map(({ id, attributes }) => ({ value: id, label: attributes.name })),
          ]}
        />
      )}
      <span className="grow not-narrow" />
      <ViewsMenu
        page="keys"
        query={String(new URLSearchParams(viewOf(search)))}
        onOpen={(query) =>
          void navigate({ to: "/keys", search: Object.fromEntries(new URLSearchParams(query)) })
        }
      />
      <ExportMenu selection={null} filters={filters} look="filter" />
      <ColumnMenu shown={shown} onShow={onShow} />
    </search>
  );
}

function ColumnMenu({ shown, onShow }: Pick<FiltersProps, "shown" | "onShow">) {
  const t = useTranslations("keys");
  return (
    <Menu
      trigger={
        <Button kind="plain" icon={Columns3} className="not-narrow">
          {t("columns")}
        </Button>
      }
    >
      {columns.map(({ id, word }) => (
        <MenuCheck key={id} checked={shown.includes(id)} onChange={(on) => onShow(id, on)}>
          {t(word)}
        </MenuCheck>
      ))}
    </Menu>
  );
}

interface SearchFieldProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly field: RefObject<HTMLInputElement | null>;
}

function SearchField({ value, onChange, field }: SearchFieldProps) {
  const t = useTranslations("keys");
  const { text, type } = useAsking(value, onChange);
  return (
    <label className="field">
      <Icon of={Search} small />
      <span className="sr">{t("searchLabel")}</span>
      <input
        ref={field}
        type="search"
        value={text}
        placeholder={t("search")}
        onChange={(event) => type(event.target.value)}
      />
      <kbd className="not-narrow">/</kbd>
    </label>
  );
}

/** The first letter asks at once; those that follow it quickly are one question, after a breath. */
function useAsking(value: string, onChange: (value: string) => void) {
  const [text, setText] = useState(value);
  const asked = useRef({ text: value, atMs: 0, timer: 0 });
  useEffect(() => {
    // What comes back from the address is our own question; only what somebody else put there is news.
    if (value !== asked.current.text) setText(value);
    asked.current.text = value;
  }, [value]);
  // Who has left the list is not called back to it by the last letter.
  useEffect(() => () => clearTimeout(asked.current.timer), []);
  const type = (next: string) => {
    setText(next);
    clearTimeout(asked.current.timer);
    const quick = Date.now() - asked.current.atMs < TYPING_MS;
    const ask = () => {
      asked.current = { text: next, atMs: Date.now(), timer: 0 };
      onChange(next);
    };
    if (quick) asked.current.timer = window.setTimeout(ask, TYPING_MS);
    else ask();
  };
  return { text, type };
}
