import { useId } from "react";

export interface ChoiceProps<Value extends string> {
  readonly label: string;
  readonly aside?: string | undefined;
  readonly value: Value;
  readonly onChange: (value: Value) => void;
  readonly options: readonly { readonly value: Value; readonly label: string }[];
}

/** A few exclusive words side by side. */
export function Choice<Value extends string>({ label, aside, value, onChange, options }: ChoiceProps<Value>) {
  const id = useId();
  return (
    <div>
      <span className="l" id={id}>
        {label}
        {aside === undefined ? null : <small className="num">{aside}</small>}
      </span>
      <div className="seg" role="radiogroup" aria-labelledby={id}>
        {options.map((option) => (
          <label key={option.value}>
            <input
              type="radio"
              name={id}
              checked={option.value === value}
              onChange={() => onChange(option.value)}
            />
            {option.label}
          </label>
        ))}
      </div>
    </div>
  );
}
