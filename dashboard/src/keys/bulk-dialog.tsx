/** One verb over many keys: what it will do, how far it is, what became of each, and where it has happened. */
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { ChangeSheet } from "../changes/change-sheet.tsx";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { Problem } from "../ui/problem.tsx";
import { type BulkFields, BulkForm, blankFields, isComplete, orderOf } from "./bulk-form.tsx";
import { type BulkState, ofAllSteps, type Target, useBulk } from "./bulk-run.ts";

export type BulkKind = "deactivate" | "activate" | "revoke" | "delete" | "extend" | "limit" | "tag";

export interface BulkDialogProps {
  readonly kind: BulkKind;
  readonly target: Target;
  /** `over`: something was done. */
  readonly onClose: (over: boolean) => void;
}

const directions = { deactivate: "refuse", revoke: "refuse", delete: "refuse", activate: "accept" } as const;

export function BulkDialog({ kind, target, onClose }: BulkDialogProps) {
  const t = useTranslations("bulk");
  const client = useQueryClient();
  const { state, run } = useBulk();
  const [fields, setFields] = useState<BulkFields>(blankFields);
  const [watching, setWatching] = useState(false);
  const count = target.kind === "ids" ? target.ids.length : target.count;
  const title = t(`title_${kind}`, { count });
  const start = async (which: Target) => {
    await run(which, orderOf(kind, fields));
    void client.invalidateQueries({ queryKey: ["api-keys"] });
  };
  if (watching && state.operation !== null) {
    const direction = kind in directions ? directions[kind as keyof typeof directions] : "hold";
    return (
      <ChangeSheet
        title={title}
        direction={direction}
        operation={state.operation}
        seenAs={(operation) => ofAllSteps(operation, state.refusesBy)}
        onClose={() => onClose(true)}
      />
    );
  }
  if (state.phase !== "idle") {
    const retry = () => {
      const ids = state.results.flatMap((one) => (one.state === "refused" ? [one.id] : []));
      void start({ kind: "ids", ids });
    };
    return (
      <Progress
        title={title}
        state={state}
        onRetry={retry}
        onWatch={() => setWatching(true)}
        onClose={() => onClose(true)}
      />
    );
  }
  const danger = kind === "revoke" || kind === "delete";
  return (
    <FormDialog
      title={title}
      submit={t(kind)}
      danger={danger}
      disabled={!isComplete(kind, fields, count)}
      onClose={() => onClose(false)}
      onSubmit={() => start(target)}
    >
      {() => <BulkForm kind={kind} fields={fields} onChange={setFields} />}
    </FormDialog>
  );
}

interface ProgressProps {
  readonly title: string;
  readonly state: BulkState;
  readonly onRetry: () => void;
  readonly onWatch: () => void;
  readonly onClose: () => void;
}

function Progress({ title, state, onRetry, onWatch, onClose }: ProgressProps) {
  const t = useTranslations("bulk");
  const { phase, results, all, operation, error } = state;
  const refused = results.filter((one) => one.state === "refused");
  const over = phase === "over";
  const footer = (
    <>
      <span className="note" />
      {over && refused.length > 0 ? <Button onClick={onRetry}>{t("retry")}</Button> : null}
      {over && operation !== null ? (
        <Button kind="primary" onClick={onWatch}>
          {t("where")}
        </Button>
      ) : null}
      <Button disabled={!over} onClick={onClose}>
        {t("done")}
      </Button>
    </>
  );
  return (
    <Dialog title={title} onClose={onClose} footer={footer} width={560} dismissable={false}>
      <div className="body-scroll grid gap-3">
        <div>
          <progress
            className="progress"
            value={results.length}
            max={Math.max(all, results.length)}
            aria-label={title}
          />
          <p className="num" role="status">
            {t("progress", { done: results.length, all: Math.max(all, results.length) })}
          </p>
        </div>
        {error === null ? null : (
          <>
            <Problem error={error} />
            <p className="soft">{t("stopped")}</p>
          </>
        )}
        <p className="num">
          {(["changed", "unchanged", "refused"] as const)
            .map((name) => ({ name, count: results.filter((one) => one.state === name).length }))
            .filter(({ name, count }) => count > 0 || name === "changed")
            .map(({ name, count }) => t(name, { count }))
            .join(" · ")}
        </p>
        {refused.length === 0 ? null : (
          <ul className="results" aria-label={t("results")}>
            {refused.map(({ id, name, detail }) => (
              <li key={id}>
                <b className="cut">{name ?? id}</b>
                <span className="soft">{detail}</span>
              </li>
            ))}
          </ul>
        )}
      </div>
    </Dialog>
  );
}
