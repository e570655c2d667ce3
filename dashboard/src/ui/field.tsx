import { CircleAlert } from "lucide-react";
import type { ComponentProps, ReactNode, Ref } from "react";
import { Icon } from "./icon.tsx";

export interface LabelledProps {
  readonly id: string;
  readonly label: ReactNode;
  /** Grey words at the right end of the label. */
  readonly aside?: ReactNode;
  readonly hint?: ReactNode;
  readonly error?: string | undefined;
  readonly className?: string;
}

/** A label, whatever stands below it, and what is wrong with that. */
export function Labelled({
  id,
  label,
  aside,
  hint,
  error,
  className,
  children,
}: LabelledProps & { children: ReactNode }) {
  return (
    <div className={className}>
      <label className="l" htmlFor={id}>
        {label}
        {aside === undefined ? null : <small>{aside}</small>}
      </label>
      {children}
      <FieldError id={id} error={error} />
      {hint === undefined || error !== undefined ? null : (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

export function FieldError({ id, error }: { id: string; error: string | undefined }) {
  if (error === undefined) return null;
  return (
    <p className="hint err" id={`${id}-error`}>
      <Icon of={CircleAlert} />
      {error}
    </p>
  );
}

/** What points a control at the words about it. */
export function described(id: string, error: string | undefined, hint: boolean) {
  return {
    id,
    "aria-invalid": error === undefined ? undefined : (true as const),
    "aria-describedby": error === undefined ? (hint ? `${id}-hint` : undefined) : `${id}-error`,
  };
}

export interface TextFieldProps
  extends LabelledProps,
    Omit<ComponentProps<"input">, "id" | "className" | "prefix"> {
  readonly prefix?: ReactNode;
  readonly suffix?: ReactNode;
  readonly ref?: Ref<HTMLInputElement>;
}

export function TextField(props: TextFieldProps) {
  const { id, label, aside, hint, error, className, prefix, suffix, ref, ...input } = props;
  const around = {
    id,
    label,
    ...(aside === undefined ? {} : { aside }),
    ...(hint === undefined ? {} : { hint }),
  };
  return (
    <Labelled {...around} error={error} {...(className === undefined ? {} : { className })}>
      <div className={`field${error === undefined ? "" : " bad"}`}>
        {prefix}
        <input {...input} ref={ref} {...described(id, error, hint !== undefined)} />
        {suffix}
      </div>
    </Labelled>
  );
}
