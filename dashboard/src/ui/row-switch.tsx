export interface RowSwitchProps {
  readonly label: string;
  readonly hint?: string;
  readonly on: boolean;
  readonly onChange: (on: boolean) => void;
}

/** A switch at the end of its row, with what it means. */
export function RowSwitch({ label, hint, on, onChange }: RowSwitchProps) {
  return (
    <label className="row-switch">
      <div>
        <b className="strong">{label}</b>
        {hint === undefined ? null : <p className="hint">{hint}</p>}
      </div>
      <input
        type="checkbox"
        className="switch"
        checked={on}
        onChange={(event) => onChange(event.target.checked)}
      />
    </label>
  );
}
