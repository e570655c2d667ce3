import { useQuery } from "@tanstack/react-query";
import type { UseFormReturn } from "react-hook-form";
import { useTranslations } from "use-intl";
import { membersQuery, projectsQuery, providersQuery } from "../api/queries.ts";
import { useMay, useSession } from "../shell/session.ts";
import { Choice } from "../ui/choice.tsx";
import { FieldError, TextField } from "../ui/field.tsx";
import { useNow } from "../ui/now.tsx";
import { Select } from "../ui/select.tsx";
import { TagField } from "../ui/tags.tsx";
import { dollars, exact, initials } from "../words/format.ts";
import { expiryOf, type KeyValues, periods, presets } from "./form-values.ts";

export type KeyForm = UseFormReturn<KeyValues>;

export interface SectionProps {
  readonly form: KeyForm;
  readonly values: KeyValues;
  readonly editing: boolean;
}

export function BasicSection({ form, values, editing }: SectionProps) {
  const t = useTranslations("keyForm");
  const errors = form.formState.errors;
  const numeric = { inputMode: "numeric", autoComplete: "off", placeholder: t("noLimit") } as const;
  return (
    <>
      <TextField
        id="key-name"
        label={t("name")}
        error={errors.name?.message}
        autoComplete="off"
        maxLength={128}
        {...form.register("name")}
      />
      <Owner form={form} values={values} editing={editing} />
      <Expiration form={form} values={values} editing={editing} />
      <TextField
        id="key-requestsPerMinute"
        className="half keep"
        label={t("rpm")}
        error={errors.requestsPerMinute?.message}
        {...numeric}
        {...form.register("requestsPerMinute")}
      />
      <TextField
        id="key-tokensPerMinute"
        className="half keep"
        label={t("tpm")}
        error={errors.tokensPerMinute?.message}
        {...numeric}
        {...form.register("tokensPerMinute")}
      />
      <Budget form={form} values={values} editing={editing} />
      <Providers form={form} values={values} editing={editing} />
    </>
  );
}

function Owner({ form, values, editing }: SectionProps) {
  const t = useTranslations("keyForm");
  const { memberId, name } = useSession();
  const admin = useMay("admin");
  const { data: members = [] } = useQuery(membersQuery);
  const { data: projects = [] } = useQuery(projectsQuery);
  const mine = { value: memberId, label: t("you", { name }) };
  const others = members
    .filter(({ id, attributes }) => id !== memberId && (attributes.enabled || id === values.ownerId))
    .map(({ id, attributes }) => ({ value: id, label: attributes.name }));
  const owner = members.find(({ id }) => id === values.ownerId)?.attributes.name ?? name;
  return (
    <>
      <div className={editing ? "" : "half"}>
        <span className="l">{t("owner")}</span>
        <Select
          label={t("owner")}
          value={values.ownerId}
          onChange={(ownerId) => form.setValue("ownerId", ownerId, { shouldDirty: true })}
          options={admin ? [mine, ...others] : [mine]}
          prefix={
            <span className="avatar" aria-hidden="true">
              {initials(owner)}
            </span>
          }
        />
        <FieldError id="key-owner" error={form.formState.errors.ownerId?.message} />
      </div>
      {editing ? null : (
        <div className="half">
          <span className="l">{t("project")}</span>
          <Select
            label={t("project")}
            value={values.projectId}
            onChange={(projectId) => form.setValue("projectId", projectId, { shouldDirty: true })}
            options={projects.map(({ id, attributes }) => ({ value: id, label: attributes.name }))}
          />
        </div>
      )}
    </>
  );
}

function Expiration({ form, values }: SectionProps) {
  const t = useTranslations("keyForm");
  const now = useNow();
  const at = expiryOf(values, now);
  const labels = { never: t("never"), exact: t("exact") };
  return (
    <>
      <Choice
        label={t("expiration")}
        aside={at === null || at === undefined ? undefined : exact(at)}
        value={values.expiry}
        onChange={(expiry) => form.setValue("expiry", expiry, { shouldDirty: true })}
        options={presets.map((value) => ({
          value,
          label: value === "never" || value === "exact" ? labels[value] : value,
        }))}
      />
      {values.expiry === "exact" ? (
        <TextField
          id="key-expiresAt"
          type="datetime-local"
          label={t("exactLabel")}
          error={form.formState.errors.expiresAt?.message}
          {...form.register("expiresAt")}
        />
      ) : null}
    </>
  );
}

function Budget({ form, values }: SectionProps) {
  const t = useTranslations("keyForm");
  const errors = form.formState.errors;
  const amount = values.budgetUsd.trim();
  const set = /^\d+(\.\d+)?$/.test(amount);
  return (
    <>
      <TextField
        id="key-budgetUsd"
        className="half"
        label={t("budget")}
        error={errors.budgetUsd?.message}
        inputMode="decimal"
        autoComplete="off"
        placeholder={t("noLimit")}
        prefix={<span className="muted">$</span>}
        suffix={
          <Select
            look="inline"
            label={t("period")}
            value={values.budgetPeriod}
            onChange={(value) =>
              form.setValue("budgetPeriod", periods.find((one) => one === value) ?? "total", {
                shouldDirty: true,
              })
            }
            options={periods.map((value) => ({ value, label: t(value) }))}
          />
        }
        {...form.register("budgetUsd")}
      />
      {amount === "" ? (
        <div className="half" />
      ) : (
        <TagField
          id="key-thresholds"
          className="half"
          label={t("thresholds")}
          error={errors.thresholds?.message}
          values={values.thresholds}
          onChange={(thresholds) =>
            form.setValue(
              "thresholds",
              thresholds.toSorted((a, b) => Number(a) - Number(b)),
              { shouldDirty: true },
            )
          }
        />
      )}
      {set ? (
        <p className="hint -mt-2.5">
          {t("budgetPromise", { amount: dollars(amount), period: t(values.budgetPeriod) })}
        </p>
      ) : null}
    </>
  );
}

function Providers({ form, values }: SectionProps) {
  const t = useTranslations("keyForm");
  const { data: providers = [] } = useQuery(providersQuery);
  const names = providers.map(({ id }) => id);
  const all = [...new Set([...names, ...values.providers])];
  const toggle = (name: string, on: boolean) => {
    const next = all.filter((one) => (one === name ? on : values.providers.includes(one)));
    form.setValue("providers", next.length === all.length ? [] : next, { shouldDirty: true });
  };
  return (
    <fieldset>
      <legend className="l">
        {t("providers")}{" "}
        <small>{t("providersAside", { count: values.providers.length, all: all.length })}</small>
      </legend>
      <div className="toggles">
        {all.map((name) => (
          <label key={name}>
            <input
              className="check"
              type="checkbox"
              checked={values.providers.includes(name)}
              onChange={(event) => toggle(name, event.target.checked)}
            />
            <span className="cut" title={name}>
              {name}
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
