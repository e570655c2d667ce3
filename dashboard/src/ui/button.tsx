import type { LucideIcon } from "lucide-react";
import type { ComponentProps, ReactNode } from "react";
import { Icon } from "./icon.tsx";

type Kind = "default" | "primary" | "plain" | "danger" | "danger-solid";

export interface ButtonProps extends ComponentProps<"button"> {
  readonly kind?: Kind;
  readonly small?: boolean;
  readonly icon?: LucideIcon;
  readonly busy?: boolean;
  readonly children: ReactNode;
}

/** One filled button per view: `primary`, or `danger-solid` in the dialog that destroys. */
export function Button({
  kind = "default",
  small,
  icon,
  busy = false,
  className,
  children,
  ...rest
}: ButtonProps) {
  const classes = ["btn", kind === "default" ? "" : `btn-${kind}`, small ? "btn-sm" : "", className ?? ""];
  return (
    <button type="button" {...rest} className={classes.join(" ").trim()} aria-busy={busy || undefined}>
      {icon === undefined ? null : <Icon of={icon} />}
      {children}
    </button>
  );
}

export interface IconButtonProps extends ComponentProps<"button"> {
  readonly icon: LucideIcon;
  /** What it does, for those who do not see the icon. */
  readonly label: string;
  readonly tiny?: boolean;
}

export function IconButton({ icon, label, tiny = false, className, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      title={label}
      {...rest}
      aria-label={label}
      className={`icon-btn${tiny ? " xs" : ""} ${className ?? ""}`.trim()}
    >
      <Icon of={icon} small={tiny} />
    </button>
  );
}
