/** What can be done with a key, from wherever it is shown: each action is a dialog, and ends in seeing where it has happened. */
import type { OperationView } from "@claviger/shared/sync/operation";
import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import type { ApiKey } from "../api/queries.ts";
import { ChangeSheet, type Direction } from "../changes/change-sheet.tsx";
import { DeleteDialog } from "./delete-dialog.tsx";
import { Reveal } from "./reveal.tsx";
import { RotateDialog } from "./rotate-dialog.tsx";
import { StopSheet } from "./stop-sheet.tsx";

const EphemeralDialog = lazy(async () => ({
  default: (await import("./ephemeral-dialog.tsx")).EphemeralDialog,
}));

/** The form is large and not needed to look at keys. */
const EditDialog = lazy(async () => ({ default: (await import("./edit-dialog.tsx")).EditDialog }));

export type ActionKind = "edit" | "rotate" | "deactivate" | "activate" | "revoke" | "delete" | "ephemeral";

export interface Acting {
  readonly kind: ActionKind;
  readonly apiKey: ApiKey;
}

/** A change that has been made, with what is to be shown of it. The secret lives here and goes with it. */
export interface Made {
  readonly title: string;
  readonly direction: Direction;
  readonly operation: OperationView;
  readonly secret?: string;
  readonly oldUntil?: string | null;
  readonly apiKey: ApiKey;
}

export interface KeyActionProps {
  readonly acting: Acting;
  readonly onClose: () => void;
  /** The key is gone; whoever shows it must stop. */
  readonly onDeleted?: () => void;
}

export function KeyAction({ acting, onClose, onDeleted }: KeyActionProps) {
  const client = useQueryClient();
  const [made, setMade] = useState<Made | null>(null);
  const refresh = () => client.invalidateQueries({ queryKey: ["api-keys"] });
  const finish = (done: Made) => {
    void refresh();
    setMade(done);
  };
  const close = () => {
    onClose();
    if (made !== null && acting.kind === "delete") onDeleted?.();
  };
  if (made?.secret !== undefined) return <Reveal made={made} secret={made.secret} onClose={close} />;
  if (made !== null) return <ChangeSheet {...made} onClose={close} />;
  const common = { apiKey: acting.apiKey, onClose, onMade: finish };
  switch (acting.kind) {
    case "edit":
      return (
        <Suspense>
          <EditDialog {...common} />
        </Suspense>
      );
    case "ephemeral":
      return (
        <Suspense>
          <EphemeralDialog apiKey={acting.apiKey} onClose={onClose} />
        </Suspense>
      );
    case "rotate":
      return <RotateDialog {...common} />;
    case "delete":
      return <DeleteDialog {...common} />;
    default:
      return <StopSheet {...common} kind={acting.kind} />;
  }
}

export interface ActionProps {
  readonly apiKey: ApiKey;
  readonly onClose: () => void;
  readonly onMade: (made: Made) => void;
}
