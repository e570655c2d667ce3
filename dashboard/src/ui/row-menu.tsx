/** One menu for all rows of a table: each row has a button, the menu is made once and opens beside whichever was pressed. */
import { Menu as Base } from "@base-ui/react/menu";
import { Ellipsis } from "lucide-react";
import { type ReactNode, useState } from "react";
import { IconButton } from "./button.tsx";

export type RowMenuHandle<Row> = ReturnType<typeof Base.createHandle<Row>>;

/** What ties the buttons of a table to its menu. */
export function useRowMenu<Row>(): RowMenuHandle<Row> {
  const [handle] = useState(() => Base.createHandle<Row>());
  return handle;
}

export interface RowMenuButtonProps<Row> {
  readonly handle: RowMenuHandle<Row>;
  readonly row: Row;
  readonly label: string;
}

export function RowMenuButton<Row>({ handle, row, label }: RowMenuButtonProps<Row>) {
  return (
    <Base.Trigger handle={handle} payload={row} render={<IconButton tiny icon={Ellipsis} label={label} />} />
  );
}

export interface RowMenuProps<Row> {
  readonly handle: RowMenuHandle<Row>;
  readonly children: (row: Row) => ReactNode;
}

export function RowMenu<Row>({ handle, children }: RowMenuProps<Row>) {
  return (
    <Base.Root handle={handle} modal={false}>
      {({ payload }) => (
        <Base.Portal>
          <Base.Positioner className="menu-pop" sideOffset={4} align="end">
            <Base.Popup className="menu">{payload === undefined ? null : children(payload)}</Base.Popup>
          </Base.Positioner>
        </Base.Portal>
      )}
    </Base.Root>
  );
}
