import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ArrowDown, ArrowUp, Trash2 } from "lucide-react";
import { memo, type ReactNode } from "react";
import { useTranslations } from "use-intl";
import { type ApiKey, projectsQuery } from "../api/queries.ts";
import { useMay, useSession } from "../shell/session.ts";
import { IconButton } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { RowMenu, RowMenuButton, type RowMenuHandle, useRowMenu } from "../ui/row-menu.tsx";
import { ActionItems } from "./action-items.tsx";
import type { Acting } from "./actions.tsx";
import { useAtOnce } from "./at-once.ts";
import { type CellProps, type Column, type ColumnId, columns } from "./columns.tsx";
import type { Selection } from "./selection.ts";

export interface KeyTableProps {
  readonly keys: readonly ApiKey[];
  readonly shown: readonly ColumnId[];
  readonly sort: string;
  readonly onSort: (sort: string) => void;
  readonly onAct: (acting: Acting) => void;
  /** Absent where nothing is done to many keys at once. */
  readonly selection?: Selection;
}

/** The rows are drawn anew when they change, not with every letter of a search. */
export const KeyTable = memo(function KeyTable(props: KeyTableProps) {
  const { keys, shown, sort, onSort, onAct, selection } = props;
  const t = useTranslations("keys");
  const { data: projects } = useQuery(projectsQuery);
  const visible: readonly Column[] = columns.filter(({ id }) => shown.includes(id));
  const peak = Math.max(0, ...keys.map(({ attributes }) => attributes.usagePercent));
  const name = { word: "colName", sort: "name" } as const;
  const menu = useRowMenu<ApiKey>();
  const may = useMayChange();
  return (
    <>
      <table role="table" className="keys">
        <colgroup>
          {selection === undefined ? null : <col style={{ width: 38 }} />}
          <col />
          {visible.map(({ id, width }) => (
            <col key={id} style={{ width }} />
          ))}
          <col style={{ width: 66 }} />
        </colgroup>
        <thead role="rowgroup">
          <tr role="row">
            {selection === undefined ? null : (
              <th role="columnheader" scope="col" className="c-check">
                <PageCheck keys={keys} selection={selection} />
              </th>
            )}
            <SortHead column={name} sort={sort} onSort={onSort} />
            {visible.map((column) => (
              <SortHead key={column.id} column={column} sort={sort} onSort={onSort} />
            ))}
            <th role="columnheader" scope="col">
              <span className="sr">{t("more", { name: "" })}</span>
            </th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {keys.map((key) => (
            <Row
              key={key.id}
              apiKey={key}
              visible={visible}
              projects={projects}
              peak={peak}
              selection={selection}
            >
              <RowActions apiKey={key} may={may(key)} menu={menu} onAct={onAct} />
            </Row>
          ))}
        </tbody>
      </table>
      <RowMenu handle={menu}>
        {(apiKey) => <ActionItems apiKey={apiKey} may={may(apiKey)} onAct={onAct} />}
      </RowMenu>
    </>
  );
});

interface RowProps extends Omit<CellProps, "apiKey"> {
  readonly apiKey: ApiKey;
  readonly visible: readonly Column[];
  readonly selection: Selection | undefined;
  readonly children: ReactNode;
}

function Row({ apiKey: read, visible, projects, peak, selection, children }: RowProps) {
  const apiKey = useAtOnce(read);
  const t = useTranslations("keys");
  return (
    <tr role="row">
      {selection === undefined ? null : (
        <td role="cell" className="c-check">
          <RowCheck apiKey={apiKey} selection={selection} />
        </td>
      )}
      <td role="cell" className="c-name">
        <NameCell apiKey={apiKey} />
      </td>
      {visible.map((column) => (
        <td role="cell" key={column.id} className={column.className} data-l={labelOf(column, t(column.word))}>
          <column.cell apiKey={apiKey} projects={projects} peak={peak} />
        </td>
      ))}
      <td role="cell" className="c-acts r">
        {children}
      </td>
    </tr>
  );
}

/** Below 640 px a cell carries its own label, except where it speaks for itself. */
function labelOf({ id }: Column, word: string): string | undefined {
  return id === "key" || id === "status" || id === "gateways" ? undefined : word;
}

function NameCell({ apiKey: { id, attributes } }: { apiKey: ApiKey }) {
  const { name, note } = attributes;
  const title = note === null || note === name ? name : `${name}\n${note}`;
  return (
    <Link className="nm" to="/keys/$keyId" params={{ keyId: id }} title={title}>
      <span className="cut">{name}</span>
      {note === null || note === name ? null : <span className="cut note">{note}</span>}
    </Link>
  );
}

interface SortHeadProps {
  readonly column:
    | Pick<Column, "word" | "sort" | "right">
    | { word: "colName"; sort: "name"; right?: boolean };
  readonly sort: string;
  readonly onSort: (sort: string) => void;
}

/** Newest, largest and latest come first; names and states begin at A. */
function SortHead({ column, sort, onSort }: SortHeadProps) {
  const t = useTranslations("keys");
  const by = column.sort;
  const className = column.right === true ? "r" : undefined;
  if (by === undefined) {
    return (
      <th role="columnheader" scope="col" className={className}>
        {t(column.word)}
      </th>
    );
  }
  const ascendsFirst = by === "name" || by === "owner" || by === "status" || by === "expiresAt";
  const current = sort.replace(/^-/, "") === by;
  const descending = sort.startsWith("-");
  const next = current ? (descending ? by : `-${by}`) : ascendsFirst ? by : `-${by}`;
  return (
    <th
      role="columnheader"
      scope="col"
      className={className}
      aria-sort={current ? (descending ? "descending" : "ascending") : undefined}
    >
      <button type="button" onClick={() => onSort(next)}>
        {t(column.word)}
        {current ? <Icon of={descending ? ArrowDown : ArrowUp} /> : null}
      </button>
    </th>
  );
}

function RowCheck({ apiKey: { id, attributes }, selection }: { apiKey: ApiKey; selection: Selection }) {
  const t = useTranslations("bulk");
  return (
    <input
      className="check"
      type="checkbox"
      aria-label={t("select", { name: attributes.name })}
      value={id}
      checked={selection.all || selection.ids.has(id)}
      // The click knows of Shift, the change does not.
      onChange={() => undefined}
      onClick={(event) => selection.toggle(id, event.currentTarget.checked, event.shiftKey)}
    />
  );
}

function PageCheck({ keys, selection }: { keys: readonly ApiKey[]; selection: Selection }) {
  const t = useTranslations("bulk");
  const chosen = selection.all ? keys.length : keys.filter(({ id }) => selection.ids.has(id)).length;
  const mixed = chosen > 0 && chosen < keys.length;
  return (
    <input
      ref={(box) => {
        // Some of them: a state of the box itself, which no attribute of it can have.
        if (box !== null) box.indeterminate = mixed;
      }}
      className={mixed ? "check mixed" : "check"}
      type="checkbox"
      aria-label={t("selectPage")}
      checked={chosen > 0 && !mixed}
      onChange={() => selection.togglePage(chosen < keys.length)}
    />
  );
}

/** What the signed-in member may do with a key. */
function useMayChange() {
  const admin = useMay("admin");
  const member = useMay("member");
  const { memberId } = useSession();
  return ({ attributes }: ApiKey) => admin || (member && attributes.ownerId === memberId);
}

interface RowActionsProps {
  readonly apiKey: ApiKey;
  readonly may: boolean;
  readonly menu: RowMenuHandle<ApiKey>;
  readonly onAct: (acting: Acting) => void;
}

function RowActions({ apiKey, may, menu, onAct }: RowActionsProps) {
  const t = useTranslations("keys");
  const { name } = apiKey.attributes;
  return (
    <>
      {may ? (
        <IconButton
          className="trash"
          tiny
          icon={Trash2}
          label={t("deleteNow", { name })}
          onClick={() => onAct({ kind: "delete", apiKey })}
        />
      ) : null}
      <RowMenuButton handle={menu} row={apiKey} label={t("more", { name })} />
    </>
  );
}
