import { Tabs as Base } from "@base-ui/react/tabs";
import type { ReactNode } from "react";
import { useTranslations } from "use-intl";

export interface Tab {
  readonly value: string;
  readonly label: string;
  /** Fields in it that the form refuses. */
  readonly errors?: number;
}

export interface TabsProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly tabs: readonly Tab[];
  readonly label: string;
  /** `Tabs.Panel`s, or whatever holds them. */
  readonly children: ReactNode;
}

export function Tabs({ value, onChange, tabs, label, children }: TabsProps) {
  const t = useTranslations("ui");
  return (
    <Base.Root
      value={value}
      onValueChange={(next: string) => onChange(next)}
      render={<div className="flex min-h-0 flex-1 flex-col" />}
    >
      <Base.List className="tabs" aria-label={label}>
        {tabs.map((tab) => (
          <Base.Tab key={tab.value} value={tab.value}>
            {tab.label}
            {tab.errors === undefined || tab.errors === 0 ? null : (
              <span className="count-bad" role="img" aria-label={t("errors", { count: tab.errors })}>
                {tab.errors}
              </span>
            )}
          </Base.Tab>
        ))}
      </Base.List>
      {children}
    </Base.Root>
  );
}

/** Stays mounted while another tab is shown, so that nothing typed is lost. */
export function TabPanel({
  value,
  className,
  children,
}: {
  value: string;
  className: string;
  children: ReactNode;
}) {
  return (
    <Base.Panel value={value} keepMounted className={className} tabIndex={-1}>
      {children}
    </Base.Panel>
  );
}
