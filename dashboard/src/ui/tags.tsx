import { X } from "lucide-react";
import { type KeyboardEvent, useState } from "react";
import { useTranslations } from "use-intl";
import { described, Labelled, type LabelledProps } from "./field.tsx";
import { Icon } from "./icon.tsx";

export interface TagFieldProps extends LabelledProps {
  readonly values: readonly string[];
  readonly onChange: (values: string[]) => void;
  readonly placeholder?: string;
  /** True for a value that cannot stay. */
  readonly isBad?: (value: string) => boolean;
  readonly suggestions?: readonly string[];
  readonly onSearch?: (text: string) => void;
}

/** Names as tags. Pasted text is cut at commas, blanks and line ends; Backspace takes the last one back. */
export function TagField(props: TagFieldProps) {
  const { id, label, aside, hint, error, className, values, onChange, placeholder, isBad, suggestions } =
    props;
  const t = useTranslations("ui");
  const { text, type, add, press } = useTyping(props);
  const around = {
    id,
    label,
    error,
    ...(aside === undefined ? {} : { aside }),
    ...(hint === undefined ? {} : { hint }),
    ...(className === undefined ? {} : { className }),
  };
  return (
    <Labelled {...around}>
      <div className={`field tags${error === undefined ? "" : " bad"}`}>
        {values.map((value) => (
          <span key={value} className={`tag mono${isBad?.(value) ? " bad" : ""}`}>
            {value}
            <button
              type="button"
              aria-label={t("remove", { value })}
              onClick={() => onChange(values.filter((one) => one !== value))}
            >
              <Icon of={X} />
            </button>
          </span>
        ))}
        <input
          {...described(id, error, hint !== undefined)}
          value={text}
          autoComplete="off"
          placeholder={values.length === 0 ? placeholder : undefined}
          list={suggestions === undefined ? undefined : `${id}-list`}
          onChange={(event) => type(event.target.value)}
          onKeyDown={press}
          onPaste={(event) => {
            event.preventDefault();
            add(text + event.clipboardData.getData("text"));
          }}
          onBlur={() => add(text)}
        />
        <Suggestions id={id} values={suggestions} />
      </div>
    </Labelled>
  );
}

function Suggestions({ id, values }: { id: string; values: readonly string[] | undefined }) {
  if (values === undefined) return null;
  return (
    <datalist id={`${id}-list`}>
      {values.map((value) => (
        <option key={value} value={value} />
      ))}
    </datalist>
  );
}

function useTyping({ values, onChange, onSearch }: TagFieldProps) {
  const [text, setText] = useState("");
  const type = (next: string) => {
    setText(next);
    onSearch?.(next);
  };
  const add = (more: string) => {
    const words = more.split(/[\s,;]+/).filter((word) => word !== "");
    if (words.length > 0) onChange([...new Set([...values, ...words])]);
    type("");
  };
  const press = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.metaKey || event.ctrlKey) return;
    if ((event.key === "Enter" || event.key === ",") && text !== "") {
      event.preventDefault();
      add(text);
    }
    if (event.key === "Backspace" && text === "") onChange(values.slice(0, -1));
  };
  return { text, type, add, press };
}
