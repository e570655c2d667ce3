/** The one form of a key, for creating and editing: three tabs, and beside them what the key will be able to do. */
import { type KeyboardEvent, type ReactNode, useEffect, useId, useState } from "react";
import { useForm, useWatch } from "react-hook-form";
import { useTranslations } from "use-intl";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Problem } from "../ui/problem.tsx";
import { TabPanel, Tabs } from "../ui/tabs.tsx";
import { AdvancedSection } from "./form-advanced.tsx";
import { BasicSection, type SectionProps } from "./form-basic.tsx";
import { checkAttributes, errorsOf, type FieldError, type TabName } from "./form-errors.ts";
import { McpSection } from "./form-mcp.tsx";
import { attributesOf, type KeyValues } from "./form-values.ts";
import { Summary } from "./summary.tsx";

export interface KeyFormProps {
  readonly title: string;
  readonly submit: string;
  readonly initial: KeyValues;
  /** Compared with; what differs from it is unsaved. */
  readonly pristine?: KeyValues;
  readonly editing: boolean;
  readonly note?: ReactNode;
  readonly banner?: ReactNode;
  /** Says a failure in its own words; null leaves it to the usual ones. */
  readonly explain?: ((failure: unknown) => ReactNode) | undefined;
  readonly onChange?: (values: KeyValues, dirty: boolean) => void;
  /** Sends the attributes; throws what the API refused. */
  readonly onSubmit: (attributes: Record<string, unknown>, values: KeyValues) => Promise<void>;
  readonly onClose: () => void;
}

const tabNames = ["basic", "advanced", "mcp"] as const;

export function KeyForm(props: KeyFormProps) {
  const { title, submit, initial, editing, note, banner, onChange, onClose } = props;
  const ui = useTranslations("ui");
  const id = useId();
  const [tab, setTab] = useState<TabName>("basic");
  const form = useForm<KeyValues>({ defaultValues: initial });
  const values = { ...initial, ...useWatch({ control: form.control }) } as KeyValues;
  const { wrong, failure, busy, send } = useSubmit(props, form, setTab);
  useEffect(() => {
    onChange?.(values, JSON.stringify(values) !== JSON.stringify(props.pristine ?? initial));
  });
  const press = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) {
      event.preventDefault();
      void send(values);
    }
  };
  const footer = (
    <>
      <span className="note">{note}</span>
      <Button onClick={onClose}>{ui("cancel")}</Button>
      <Button kind="primary" type="submit" form={id} busy={busy} disabled={busy}>
        {submit} <kbd className="not-narrow">⌘↵</kbd>
      </Button>
    </>
  );
  return (
    <Dialog title={title} onClose={onClose} footer={footer} width={936} shape="tall" focus="key-name">
      <form
        className="contents"
        id={id}
        noValidate
        onKeyDown={press}
        onSubmit={(event) => {
          event.preventDefault();
          void send(values);
        }}
      >
        <Sections tab={tab} setTab={setTab} wrong={wrong} section={{ form, values, editing }}>
          {banner}
          {failure === null ? null : (
            <div className="px-5 pt-5">{props.explain?.(failure) ?? <Problem error={failure} />}</div>
          )}
        </Sections>
      </form>
    </Dialog>
  );
}

interface SectionsProps {
  readonly tab: TabName;
  readonly setTab: (tab: TabName) => void;
  readonly wrong: readonly FieldError[];
  readonly section: SectionProps;
  readonly children: ReactNode;
}

function Sections({ tab, setTab, wrong, section, children }: SectionsProps) {
  const t = useTranslations("keyForm");
  return (
    <Tabs
      label={t("sections")}
      value={tab}
      onChange={(next) => setTab(tabNames.find((name) => name === next) ?? "basic")}
      tabs={tabNames.map((name) => ({
        value: name,
        label: t(name),
        errors: wrong.filter((one) => one.tab === name).length,
      }))}
    >
      <div className="split">
        <div>
          {children}
          <TabPanel value="basic" className="form">
            <BasicSection {...section} />
          </TabPanel>
          <TabPanel value="advanced" className="form">
            <AdvancedSection {...section} />
          </TabPanel>
          <TabPanel value="mcp" className="form">
            <McpSection {...section} />
          </TabPanel>
        </div>
        <Summary values={section.values} />
      </div>
    </Tabs>
  );
}

type Form = ReturnType<typeof useForm<KeyValues>>;

/** Checks, sends, and puts what is refused on its fields; the first of them gets the focus, its tab opened. */
function useSubmit(props: KeyFormProps, form: Form, setTab: (tab: TabName) => void) {
  const [wrong, setWrong] = useState<readonly FieldError[]>([]);
  const [failure, setFailure] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const mark = (errors: readonly FieldError[]) => {
    form.clearErrors();
    setWrong(errors);
    for (const { field, message } of errors) form.setError(field, { message });
    const [first] = errors;
    if (first === undefined) return;
    setTab(first.tab);
    // The tab's fields can take the focus once it is shown.
    requestAnimationFrame(() => document.getElementById(`key-${first.field}`)?.focus());
  };
  const send = async (values: KeyValues) => {
    if (busy) return;
    const attributes = attributesOf(values, Date.now());
    const errors = checkAttributes(attributes);
    mark(errors);
    setFailure(null);
    if (errors.length > 0) return;
    setBusy(true);
    try {
      await props.onSubmit(attributes, values);
    } catch (error) {
      const found = errorsOf(error);
      mark(found);
      setFailure(found.length === 0 ? error : null);
      setBusy(false);
    }
  };
  return { wrong, failure, busy, send };
}
