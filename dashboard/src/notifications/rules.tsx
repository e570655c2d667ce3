import type { NotificationRules } from "@claviger/shared/api/notification";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { useTranslations } from "use-intl";
import { RequestFailed, resourceBody } from "../api/client.ts";
import { useChange } from "../changes/use-change.ts";
import { useMay } from "../shell/session.ts";
import { Button } from "../ui/button.tsx";
import { TextField } from "../ui/field.tsx";
import { Loaded } from "../ui/loaded.tsx";
import { Problem } from "../ui/problem.tsx";
import { RowSwitch } from "../ui/row-switch.tsx";
import { useToast } from "../ui/toast.tsx";
import { rulesQuery } from "./queries.ts";

/** What the organization wants to be told of. Everybody may look; admins change it. */
export function Rules() {
  const query = useQuery(rulesQuery);
  return <Loaded query={query}>{(rules) => <RulesForm key={JSON.stringify(rules)} rules={rules} />}</Loaded>;
}

/** Fields as they are typed: a number, or several with commas between them. */
const numbers = {
  budgetThreshold: ["thresholds"],
  keyExpiring: ["days"],
  gatewayOffline: ["afterSeconds"],
  unfamiliarNetwork: ["learnHours"],
  errorSpike: ["percent", "requestsMin"],
} as const;
type RuleName = keyof typeof numbers;
const names = Object.keys(numbers) as RuleName[];

function RulesForm({ rules }: { rules: NotificationRules }) {
  const t = useTranslations("notifications");
  const ui = useTranslations("ui");
  const admin = useMay("admin");
  const client = useQueryClient();
  const toast = useToast();
  const { busy, error, change } = useChange();
  const [on, setOn] = useState(() => new Set(names.filter((name) => rules[name].enabled)));
  const save = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const attributes = Object.fromEntries(
      names.map((name) => [name, { enabled: on.has(name), ...typed(form, name) }]),
    );
    const body = resourceBody("notification-rules", attributes);
    if ((await change("PATCH", "/notification-rules", { body })) === undefined) return;
    toast(t("saved"));
    await client.invalidateQueries({ queryKey: rulesQuery.queryKey });
  };
  const toggle = (name: RuleName, enabled: boolean) =>
    setOn((before) => new Set(names.filter((one) => (one === name ? enabled : before.has(one)))));
  const errors = errorsOf(error);
  return (
    <form className="panel form max-w-160" aria-label={t("rules")} onSubmit={(event) => void save(event)}>
      {error === null || errors.size > 0 ? null : <Problem error={error} />}
      <fieldset className="contents" disabled={!admin}>
        {names.map((name) => (
          <Rule key={name} name={name} on={on.has(name)} onChange={(enabled) => toggle(name, enabled)}>
            {numbers[name].map((field) => (
              <NumberField
                key={field}
                name={`${name}.${field}`}
                label={t(field)}
                value={shownOf(rules, name, field)}
                error={errors.get(`${name}/${field}`) ?? errors.get(name)}
              />
            ))}
          </Rule>
        ))}
      </fieldset>
      {admin ? (
        <div>
          <Button type="submit" kind="primary" busy={busy} disabled={busy}>
            {ui("save")}
          </Button>
        </div>
      ) : null}
    </form>
  );
}

interface RuleProps {
  readonly name: RuleName;
  readonly on: boolean;
  readonly onChange: (on: boolean) => void;
  readonly children: ReactNode;
}

function Rule({ name, on, onChange, children }: RuleProps) {
  const t = useTranslations("notifications");
  return (
    <div className="rule col-span-full grid gap-3">
      <RowSwitch label={t(name)} hint={t(`${name}Hint`)} on={on} onChange={onChange} />
      <div className={on ? "grid grid-cols-1 gap-3 sm:grid-cols-2" : "hidden"}>{children}</div>
    </div>
  );
}

interface NumberFieldProps {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly error: string | undefined;
}

function NumberField({ name, label, value, error }: NumberFieldProps) {
  return (
    <TextField
      id={`rule-${name}`}
      name={name}
      label={label}
      defaultValue={value}
      inputMode="numeric"
      autoComplete="off"
      error={error}
    />
  );
}

function shownOf(rules: NotificationRules, name: RuleName, field: string): string {
  const value = (rules[name] as unknown as Record<string, number | readonly number[]>)[field];
  return Array.isArray(value) ? value.join(", ") : String(value);
}

/** What is no number is sent as it is, and refused where it stands. */
function typed(form: FormData, name: RuleName): Record<string, unknown> {
  return Object.fromEntries(
    numbers[name].map((field) => {
      const parts = String(form.get(`${name}.${field}`) ?? "")
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== "")
        .map((part) => (/^\d{1,9}$/.test(part) ? Number(part) : part));
      return [
        field,
        field === "thresholds" || field === "days" ? parts : parts.length === 1 ? parts[0] : parts,
      ];
    }),
  );
}

/** By `rule/field`. */
function errorsOf(error: unknown): Map<string, string> {
  if (!(error instanceof RequestFailed)) return new Map();
  return new Map(
    error.findings.flatMap(({ pointer, detail }) => {
      const [name = "", field] = pointer?.replace(/^\/data\/attributes\//, "").split("/") ?? [];
      return names.some((one) => one === name)
        ? [[field === undefined ? name : `${name}/${field}`, detail] as const]
        : [];
    }),
  );
}
