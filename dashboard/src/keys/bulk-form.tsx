import { useTranslations } from "use-intl";
import { Choice } from "../ui/choice.tsx";
import { TextField } from "../ui/field.tsx";
import { Select } from "../ui/select.tsx";
import type { BulkKind } from "./bulk-dialog.tsx";
import type { Order } from "./bulk-run.ts";

const lives = ["30", "90", "180", "365", "never"] as const;
const periods = ["total", "daily", "weekly", "monthly"] as const;

export interface BulkFields {
  readonly life: (typeof lives)[number];
  readonly rpm: string;
  readonly budget: string;
  readonly period: (typeof periods)[number];
  readonly tagName: string;
  readonly tagValue: string;
  readonly typed: string;
}

export const blankFields: BulkFields = {
  life: "90",
  rpm: "",
  budget: "",
  period: "monthly",
  tagName: "",
  tagValue: "",
  typed: "",
};

/** True when there is enough to go on. */
export function isComplete(kind: BulkKind, fields: BulkFields, count: number): boolean {
  if (kind === "delete") return fields.typed.replace(/\D/g, "") === String(count);
  if (kind === "tag") return fields.tagName.trim() !== "";
  if (kind === "limit") return fields.rpm !== "" || fields.budget.trim() !== "";
  return true;
}

export function orderOf(kind: BulkKind, fields: BulkFields): Order {
  const { life, rpm, budget, period, tagName, tagValue } = fields;
  switch (kind) {
    case "extend":
      return {
        action: "edit",
        attributes: {
          expiresAt: life === "never" ? null : new Date(Date.now() + Number(life) * 86_400_000).toISOString(),
        },
      };
    case "limit":
      return {
        action: "edit",
        attributes: {
          ...(rpm === "" ? {} : { requestsPerMinute: Number(rpm) }),
          ...(budget.trim() === "" ? {} : { budgetUsd: budget.trim(), budgetPeriod: period }),
        },
      };
    case "tag":
      return { action: "edit", attributes: { metadata: { [tagName.trim()]: tagValue } } };
    default:
      return { action: kind };
  }
}

export interface BulkFormProps {
  readonly kind: BulkKind;
  readonly fields: BulkFields;
  readonly onChange: (fields: BulkFields) => void;
}

export function BulkForm({ kind, fields, onChange }: BulkFormProps) {
  const t = useTranslations("bulk");
  const set = (change: Partial<BulkFields>) => onChange({ ...fields, ...change });
  switch (kind) {
    case "extend":
      return (
        <Choice
          label={t("expires")}
          value={fields.life}
          onChange={(life) => set({ life })}
          options={lives.map((value) => ({
            value,
            label: value === "never" ? t("never") : t("days", { days: value }),
          }))}
        />
      );
    case "limit":
      return <Limits fields={fields} set={set} />;
    case "tag":
      return <Tag fields={fields} set={set} />;
    default:
      return (
        <>
          <p>{t(`text_${kind}`)}</p>
          {kind === "delete" ? (
            <TextField
              id="bulk-typed"
              label={t("typeCount")}
              value={fields.typed}
              inputMode="numeric"
              autoComplete="off"
              onChange={(event) => set({ typed: event.target.value })}
            />
          ) : null}
        </>
      );
  }
}

interface PartProps {
  readonly fields: BulkFields;
  readonly set: (change: Partial<BulkFields>) => void;
}

function Limits({ fields, set }: PartProps) {
  const t = useTranslations("bulk");
  const form = useTranslations("keyForm");
  return (
    <>
      <p className="soft">{t("limitHint")}</p>
      <TextField
        id="bulk-rpm"
        label={t("rpm")}
        value={fields.rpm}
        inputMode="numeric"
        autoComplete="off"
        onChange={(event) => set({ rpm: event.target.value.replace(/\D/g, "") })}
      />
      <TextField
        id="bulk-budget"
        className="half"
        label={t("budget")}
        value={fields.budget}
        inputMode="decimal"
        autoComplete="off"
        onChange={(event) => set({ budget: event.target.value })}
      />
      <div className="half">
        <span className="l">{t("period")}</span>
        <Select
          label={t("period")}
          value={fields.period}
          onChange={(value) => set({ period: periods.find((one) => one === value) ?? "total" })}
          options={periods.map((value) => ({ value, label: form(value) }))}
        />
      </div>
    </>
  );
}

function Tag({ fields, set }: PartProps) {
  const t = useTranslations("bulk");
  return (
    <>
      <TextField
        id="bulk-tag"
        className="half"
        label={t("tagName")}
        value={fields.tagName}
        autoComplete="off"
        maxLength={128}
        onChange={(event) => set({ tagName: event.target.value })}
      />
      <TextField
        id="bulk-value"
        className="half"
        label={t("tagValue")}
        value={fields.tagValue}
        autoComplete="off"
        maxLength={1000}
        onChange={(event) => set({ tagValue: event.target.value })}
      />
      <p className="soft">{t("tagHint")}</p>
    </>
  );
}
