import type { OperationView } from "@claviger/shared/sync/operation";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { ChangeSheet, type Direction } from "./change-sheet.tsx";

/** A change that the API has taken, with what is to be shown of it. */
export interface MadeChange {
  readonly title: string;
  readonly direction: Direction;
  /** None: it concerns no gateway. */
  readonly operation: OperationView | null | undefined;
}

/**
 * What follows a change: its lists are read again, and the sheet of where it has happened stands in place of the form.
 * Without `noun` every list is.
 */
export function useMade(onClose: () => void, noun?: string) {
  const client = useQueryClient();
  const [made, setMade] = useState<MadeChange | null>(null);
  const finish = (done: MadeChange) => {
    void client.invalidateQueries(noun === undefined ? {} : { queryKey: [noun] });
    if (done.operation) setMade(done);
    else onClose();
  };
  let sheet: ReactNode = null;
  if (made?.operation) {
    const { title, direction, operation } = made;
    sheet = <ChangeSheet {...{ title, direction, operation, onClose }} />;
  }
  return { sheet, finish };
}
