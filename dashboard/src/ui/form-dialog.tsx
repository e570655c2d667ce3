import { type FormEvent, type ReactNode, useId, useState } from "react";
import { useTranslations } from "use-intl";
import { RequestFailed } from "../api/client.ts";
import { Button } from "./button.tsx";
import { Dialog } from "./dialog.tsx";
import { Problem } from "./problem.tsx";

export interface FormDialogProps {
  readonly title: string;
  readonly submit: string;
  readonly danger?: boolean;
  readonly disabled?: boolean;
  readonly width?: number;
  readonly onClose: () => void;
  /** Does it; what it throws is shown, at its field when it names one of `fields`. */
  readonly onSubmit: (form: FormData) => Promise<void>;
  /** Attributes whose errors the children show by themselves. */
  readonly fields?: readonly string[];
  readonly children: (errorOf: (attribute: string) => string | undefined) => ReactNode;
}

/** A dialog with one form: its fields, one thing to do, and what the API said against it. */
export function FormDialog(props: FormDialogProps) {
  const {
    title,
    submit,
    danger = false,
    disabled = false,
    width = 480,
    onClose,
    fields = [],
    children,
  } = props;
  const ui = useTranslations("ui");
  const id = useId();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const found = findingsAt(error, fields);
  const send = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    setBusy(true);
    setError(null);
    try {
      await props.onSubmit(new FormData(form));
    } catch (failure) {
      setError(failure);
      requestAnimationFrame(() => form.querySelector<HTMLElement>("[aria-invalid]")?.focus());
    } finally {
      setBusy(false);
    }
  };
  const footer = (
    <>
      <span className="note" />
      <Button onClick={onClose}>{ui("cancel")}</Button>
      <Button
        type="submit"
        form={id}
        kind={danger ? "danger-solid" : "primary"}
        busy={busy}
        disabled={busy || disabled}
      >
        {submit}
      </Button>
    </>
  );
  return (
    <Dialog title={title} onClose={onClose} footer={footer} width={width}>
      <form className="form overflow-y-auto pt-0!" id={id} onSubmit={(event) => void send(event)}>
        {error === null || found.size > 0 ? null : <Problem error={error} />}
        {children((attribute) => found.get(attribute))}
      </form>
    </Dialog>
  );
}

function findingsAt(error: unknown, fields: readonly string[]): Map<string, string> {
  if (!(error instanceof RequestFailed)) return new Map();
  return new Map(
    error.findings.flatMap(({ pointer, detail }) => {
      const attribute = pointer?.replace(/^\/(data\/attributes\/)?/, "").split("/")[0] ?? "";
      return fields.includes(attribute) ? [[attribute, detail] as const] : [];
    }),
  );
}
