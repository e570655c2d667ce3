/** Setting a price of the organization's own, and going back to the catalogue's. */
import type { OperationView } from "@claviger/shared/sync/operation";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { ask, atOnce, resourceBody } from "../api/client.ts";
import { useMade } from "../changes/use-made.tsx";
import { TextField } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { RowSwitch } from "../ui/row-switch.tsx";
import { priceText } from "./price.ts";
import { type Model, pathOf } from "./queries.ts";

export interface PriceActing {
  readonly kind: "set" | "restore";
  readonly model: Model;
}

export function PriceAction({ acting, onClose }: { acting: PriceActing; onClose: () => void }) {
  const t = useTranslations("models");
  const { sheet, finish } = useMade(onClose, "models");
  if (sheet !== null) return sheet;
  const { model } = acting;
  // A model that no LLM key serves is no gateway's concern.
  const onMade = (operation: OperationView | null | undefined) =>
    finish({ title: t("savedTitle", { name: model.id }), direction: "hold", operation });
  const Form = acting.kind === "set" ? SetPrice : RestorePrice;
  return <Form model={model} onClose={onClose} onMade={onMade} />;
}

interface FormProps {
  readonly model: Model;
  readonly onClose: () => void;
  readonly onMade: (operation: OperationView | null | undefined) => void;
}

const MAIN = ["input", "output", "cacheRead", "cacheWrite"] as const;
const MORE = [
  ...(["cacheWriteLong", "reasoning", "audioInput", "audioOutput", "imageInput", "imageOutput"] as const),
] as const;
const PIECES = ["perRequest", "perImage", "perSearch"] as const;
const TOKENS = ["contextWindow", "outputTokensMax"] as const;
type Rate = (typeof MAIN)[number] | (typeof MORE)[number];

const rateName = <R extends Rate>(rate: R) => `${rate}UsdPerMillion` as const;
const pieceName = <P extends (typeof PIECES)[number]>(piece: P) => `${piece}Usd` as const;

const fields = [...[...MAIN, ...MORE].map(rateName), ...PIECES.map(pieceName), ...TOKENS];

function SetPrice({ model, onClose, onMade }: FormProps) {
  const t = useTranslations("models");
  const { attributes } = model;
  const [tier] = attributes.tiers;
  const [keep, setKeep] = useState(true);
  const save = async (form: FormData) => {
    const body = resourceBody("model", { ...readForm(form), ...(keep ? {} : { tiers: [] }) });
    onMade((await ask("PATCH", pathOf(model), { body, headers: atOnce })).meta.operation);
  };
  return (
    <FormDialog
      {...{ title: t("editTitle", { name: model.id }), submit: t("save"), width: 560, fields }}
      onClose={onClose}
      onSubmit={save}
    >
      {(errorOf) => (
        <>
          <p className="soft">{t("editText")}</p>
          {MAIN.map((rate) => (
            <Rate key={rate} rate={rate} model={model} error={errorOf(rateName(rate))} />
          ))}
          {tier === undefined ? null : (
            <RowSwitch
              label={t("keepTiers")}
              hint={t("keepTiersHint", {
                tokens: tier.aboveInputTokens,
                input: priceText(tier.inputUsdPerMillion) ?? "–",
                output: priceText(tier.outputUsdPerMillion) ?? "–",
              })}
              on={keep}
              onChange={setKeep}
            />
          )}
          {TOKENS.map((name) => (
            <TextField
              {...{ id: `price-${name}`, name, label: t(name), aside: t("asTokens"), className: "half" }}
              key={name}
              inputMode="numeric"
              pattern="[1-9][0-9]*"
              autoComplete="off"
              defaultValue={attributes[name] ?? ""}
              error={errorOf(name)}
            />
          ))}
          <MorePrices model={model} errorOf={errorOf} />
        </>
      )}
    </FormDialog>
  );
}

interface MoreProps {
  readonly model: Model;
  readonly errorOf: (attribute: string) => string | undefined;
}

/** Open when one of them is set, or refused. */
function MorePrices({ model, errorOf }: MoreProps) {
  const t = useTranslations("models");
  const names = [...MORE.map(rateName), ...PIECES.map(pieceName)];
  const open = names.some((name) => model.attributes[name] !== null || errorOf(name) !== undefined);
  return (
    <details open={open}>
      <summary className="strong">{t("moreRates")}</summary>
      <p className="hint">{t("moreRatesHint")}</p>
      <div className="form px-0! pb-0!">
        {MORE.map((rate) => (
          <Rate key={rate} rate={rate} model={model} error={errorOf(rateName(rate))} />
        ))}
        {PIECES.map((piece) => (
          <Money
            key={piece}
            name={pieceName(piece)}
            label={t(piece)}
            value={model.attributes[pieceName(piece)]}
            error={errorOf(pieceName(piece))}
          />
        ))}
      </div>
    </details>
  );
}

function Rate({ rate, model, error }: { rate: Rate; model: Model; error: string | undefined }) {
  const t = useTranslations("models");
  const name = rateName(rate);
  const hint = rate === "input" ? { hint: t("inputHint") } : {};
  return (
    <Money
      {...{ name, label: t(rate), aside: t("perMillion"), ...hint, value: model.attributes[name], error }}
    />
  );
}

interface MoneyProps {
  readonly name: string;
  readonly label: string;
  readonly aside?: string;
  readonly hint?: string;
  readonly value: string | null;
  readonly error: string | undefined;
}

function Money({ name, label, aside, hint, value, error }: MoneyProps) {
  return (
    <TextField
      {...{
        id: `price-${name}`,
        name,
        label,
        error,
        className: "half",
        prefix: <span className="soft">$</span>,
      }}
      {...(aside === undefined ? {} : { aside })}
      {...(hint === undefined ? {} : { hint })}
      inputMode="decimal"
      autoComplete="off"
      defaultValue={value ?? ""}
    />
  );
}

/** What is empty is said to be: a price that was there is taken away. */
function readForm(form: FormData): Record<string, string | number | null> {
  const read = (name: string) => String(form.get(name) ?? "").trim();
  return Object.fromEntries(
    fields.map((name) => {
      const text = read(name);
      if (text === "") return [name, null];
      return [name, TOKENS.some((one) => one === name) ? Number(text) : text];
    }),
  );
}

function RestorePrice({ model, onClose, onMade }: FormProps) {
  const t = useTranslations("models");
  const restore = async () =>
    onMade((await ask("DELETE", `${pathOf(model)}/override`, { headers: atOnce })).meta.operation);
  return (
    <FormDialog
      {...{ title: t("restoreTitle", { name: model.id }), submit: t("restore") }}
      onClose={onClose}
      onSubmit={restore}
    >
      {() => <p>{t("restoreText")}</p>}
    </FormDialog>
  );
}
