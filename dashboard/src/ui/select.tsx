import { Select as Base } from "@base-ui/react/select";
import { Check, ChevronDown, ChevronsUpDown } from "lucide-react";
import type { ReactNode } from "react";
import { Icon } from "./icon.tsx";

export interface Option {
  readonly value: string;
  readonly label: string;
}

export interface SelectProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly options: readonly Option[];
  /** Read out before the value. */
  readonly label: string;
  /** `field` in forms, `filter` above lists, `inline` inside a field. */
  readonly look?: "field" | "filter" | "inline";
  readonly prefix?: ReactNode;
  readonly id?: string;
}

const classes = { field: "field select", filter: "btn", inline: "btn btn-plain btn-inline" };

/** One of several; the trigger shows the choice. */
export function Select({ value, onChange, options, label, look = "field", prefix, id }: SelectProps) {
  const chosen = options.find((option) => option.value === value)?.label ?? value;
  return (
    <Base.Root value={value} onValueChange={(next) => onChange(next ?? "")} items={options}>
      <Base.Trigger id={id} className={classes[look]} aria-label={`${label}: ${chosen}`}>
        {prefix}
        {look !== "filter" ? (
          <span className="cut">{chosen}</span>
        ) : (
          <span className="cut">
            <span className="soft">{label}</span> <b>{chosen}</b>
          </span>
        )}
        <Icon of={look === "field" ? ChevronsUpDown : ChevronDown} small />
      </Base.Trigger>
      <Base.Portal>
        <Base.Positioner className="menu-pop" sideOffset={4} alignItemWithTrigger={false}>
          <Base.Popup className="menu">
            <Base.List>
              {options.map((option) => (
                <Base.Item key={option.value} value={option.value} className="menu-item">
                  <Base.ItemText>{option.label}</Base.ItemText>
                  <Base.ItemIndicator className="mark-at">
                    <Icon of={Check} small />
                  </Base.ItemIndicator>
                </Base.Item>
              ))}
            </Base.List>
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
