import type { Key, ReactNode } from "react";

export interface DataColumn<Row> {
  readonly id: string;
  readonly head: ReactNode;
  readonly cell: (row: Row) => ReactNode;
  readonly width?: number;
  readonly right?: boolean;
  readonly className?: string;
  /** The label that the cell carries below 640 px; a head that is text by default. */
  readonly label?: string;
}

export interface DataTableProps<Row> {
  readonly label: string;
  readonly columns: readonly DataColumn<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => Key;
  readonly footer?: ReactNode;
  readonly dim?: boolean;
}

/**
 * A table whose rows become blocks below 640 px, where browsers forget what a table is: hence the roles. The first
 * column names the row.
 */
export function DataTable<Row>({ label, columns, rows, rowKey, footer, dim = false }: DataTableProps<Row>) {
  return (
    <section className={`panel${dim ? " dim" : ""}`} aria-label={label}>
      <div className="scroll-x">
        <table role="table" className="data stack">
          <colgroup>
            {columns.map(({ id, width }) => (
              <col key={id} style={width === undefined ? undefined : { width }} />
            ))}
          </colgroup>
          <thead role="rowgroup">
            <tr role="row">
              {columns.map(({ id, head, right }) => (
                <th role="columnheader" key={id} scope="col" className={right === true ? "r" : undefined}>
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup">
            {rows.map((row) => (
              <tr role="row" key={rowKey(row)}>
                {columns.map((column, n) => (
                  <td
                    role="cell"
                    key={column.id}
                    className={classesOf(column)}
                    data-l={
                      n === 0 || column.id === "actions" ? undefined : (column.label ?? textOf(column.head))
                    }
                  >
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {footer}
    </section>
  );
}

/** What can be done with a row stands at its end, below 640 px in its corner. */
function classesOf<Row>({ id, right, className }: DataColumn<Row>): string {
  return [right === true ? "r" : "", id === "actions" ? "c-acts" : "", className ?? ""].join(" ").trim();
}

function textOf(head: ReactNode): string | undefined {
  return typeof head === "string" ? head : undefined;
}
