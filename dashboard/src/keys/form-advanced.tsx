import { useQuery } from "@tanstack/react-query";
import { CircleAlert, Plus, X } from "lucide-react";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { fleetQuery, modelsQuery } from "../api/queries.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { FieldError, TextField } from "../ui/field.tsx";
import { Icon } from "../ui/icon.tsx";
import { TagField } from "../ui/tags.tsx";
import { span } from "../words/format.ts";
import type { SectionProps } from "./form-basic.tsx";
import { canonical, isEverybody } from "./ip.ts";

export function AdvancedSection(props: SectionProps) {
  const t = useTranslations("keyForm");
  const { form, values } = props;
  const errors = form.formState.errors;
  const open = values.ips.find(isEverybody);
  return (
    <>
      <Models {...props} />
      <div>
        <TagField
          id="key-ips"
          label={t("ips")}
          aside={t("ipsAside")}
          placeholder={t("ipsAdd")}
          error={errors.ips?.message}
          values={values.ips}
          isBad={(ip) => canonical(ip) === undefined}
          onChange={(ips) => form.setValue("ips", ips, { shouldDirty: true })}
        />
        {open === undefined ? null : <Warning text={t("ipsOpen", { range: open })} />}
      </div>
      <Metadata {...props} />
      <Staleness {...props} />
      <TextField
        id="key-maxConcurrency"
        className="half"
        label={t("concurrency")}
        inputMode="numeric"
        autoComplete="off"
        placeholder={t("noLimit")}
        error={errors.maxConcurrency?.message}
        {...form.register("maxConcurrency")}
      />
      <Gateways {...props} />
    </>
  );
}

function Warning({ text }: { text: string }) {
  return (
    <p className="hint warn">
      <Icon of={CircleAlert} />
      {text}
    </p>
  );
}

function Models({ form, values }: SectionProps) {
  const t = useTranslations("keyForm");
  const [typed, setTyped] = useState("");
  const { data: suggested = [] } = useQuery({ ...modelsQuery(typed), enabled: typed.length > 1 });
  const last = values.models.at(-1)?.replace(/^[^/]*\//, "") ?? "";
  const { data: found } = useQuery({ ...modelsQuery(last), enabled: last !== "" && !last.endsWith("*") });
  const unknown = found !== undefined && !found.some(({ attributes }) => attributes.name === last);
  return (
    <div>
      <TagField
        id="key-models"
        label={t("models")}
        aside={t("modelsAside")}
        placeholder={t("modelsAdd")}
        error={form.formState.errors.models?.message}
        values={values.models}
        onChange={(models) => form.setValue("models", models, { shouldDirty: true })}
        onSearch={setTyped}
        suggestions={suggested.map(({ id }) => id)}
      />
      {unknown && last !== "" && !last.endsWith("*") ? (
        <Warning text={t("modelUnknown", { name: values.models.at(-1) ?? "" })} />
      ) : null}
    </div>
  );
}

function Metadata({ form, values }: SectionProps) {
  const t = useTranslations("keyForm");
  const error = form.formState.errors.metadataJson?.message;
  const pairs = Object.fromEntries(values.pairs.map(({ name, value }) => [name, value]));
  const asJson = () => form.setValue("metadataJson", JSON.stringify(pairs, null, 2), { shouldDirty: true });
  return (
    <div>
      <span className="l">
        {t("metadata")}
        <small>
          {t("metadataAside")}{" "}
          {values.metadataJson === null ? (
            <button type="button" className="text-accent-ink underline" onClick={asJson}>
              {t("asJson")}
            </button>
          ) : null}
        </small>
      </span>
      {values.metadataJson === null ? (
        <Pairs form={form} values={values} editing />
      ) : (
        <div className={`field${error === undefined ? "" : " bad"}`}>
          <textarea
            id="key-metadataJson"
            className="mono"
            rows={5}
            aria-label={t("metadata")}
            aria-invalid={error === undefined ? undefined : true}
            {...form.register("metadataJson")}
          />
        </div>
      )}
      <FieldError id="key-metadataJson" error={error} />
    </div>
  );
}

function Pairs({ form, values }: SectionProps) {
  const t = useTranslations("keyForm");
  const set = (pairs: { name: string; value: string }[]) =>
    form.setValue("pairs", pairs, { shouldDirty: true });
  return (
    <>
      {values.pairs.map((_, n) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a pair is its place; names repeat while they are typed
        <div className="kv" key={n}>
          <div className="field">
            <input
              className="mono"
              aria-label={t("pairName", { n: n + 1 })}
              {...form.register(`pairs.${n}.name`)}
            />
          </div>
          <div className="field">
            <input
              className="mono"
              aria-label={t("pairValue", { n: n + 1 })}
              {...form.register(`pairs.${n}.value`)}
            />
          </div>
          <IconButton
            icon={X}
            label={t("removePair", { n: n + 1 })}
            onClick={() => set(values.pairs.toSpliced(n, 1))}
          />
        </div>
      ))}
      <Button
        kind="plain"
        small
        icon={Plus}
        className="-ml-2.5"
        onClick={() => set([...values.pairs, { name: "", value: "" }])}
      >
        {t("addPair")}
      </Button>
    </>
  );
}

function Staleness({ form, values }: SectionProps) {
  const t = useTranslations("keyForm");
  const cards: Record<string, string> = { "60": t("strict"), "900": t("balanced"), "86400": t("resilient") };
  if (!(values.stalenessSeconds in cards)) cards[values.stalenessSeconds] = "";
  return (
    <fieldset>
      <legend className="l">{t("staleness")}</legend>
      <div className="cards3">
        {Object.entries(cards).map(([seconds, text]) => (
          <label key={seconds}>
            <input type="radio" value={seconds} {...form.register("stalenessSeconds")} />
            <b>{span(Number(seconds) * 1000)}</b>
            <small>{text}</small>
          </label>
        ))}
      </div>
      <p className="hint">{t("stalenessHint")}</p>
    </fieldset>
  );
}

function Gateways({ form, values }: SectionProps) {
  const t = useTranslations("keyForm");
  const { data: fleet = [] } = useQuery(fleetQuery);
  if (fleet.length === 0) return null;
  const toggle = (id: string, on: boolean) => {
    const next = on ? [...values.gatewayIds, id] : values.gatewayIds.filter((one) => one !== id);
    form.setValue("gatewayIds", next, { shouldDirty: true });
  };
  return (
    <fieldset>
      <legend className="l">
        {t("gateways")} <small>{t("gatewaysAside")}</small>
      </legend>
      <div className="toggles">
        {fleet.map(({ id, attributes }) => (
          <label key={id}>
            <input
              className="check"
              type="checkbox"
              checked={values.gatewayIds.includes(id)}
              onChange={(event) => toggle(id, event.target.checked)}
            />
            <span className="cut">{attributes.name}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
