import { CircleDollarSign, Undo2 } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslations } from "use-intl";
import { type DataColumn, DataTable } from "../ui/data-table.tsx";
import { MenuItem } from "../ui/menu.tsx";
import { RowMenu, RowMenuButton, useRowMenu } from "../ui/row-menu.tsx";
import { priceText } from "./price.ts";
import type { PriceActing } from "./price-action.tsx";
import type { Model } from "./queries.ts";

export interface ModelTableProps {
  readonly models: readonly Model[];
  readonly dim: boolean;
  /** Absent for those who may not set prices. */
  readonly onAct: ((acting: PriceActing) => void) | undefined;
  readonly footer: ReactNode;
}

export function ModelTable({ models, dim, onAct, footer }: ModelTableProps) {
  const t = useTranslations("models");
  const menu = useRowMenu<Model>();
  const facts = useFacts();
  const actions: DataColumn<Model> = {
    id: "actions",
    head: <span className="sr">{t("set")}</span>,
    width: 52,
    right: true,
    className: "c-acts st-cell",
    cell: (model) => <RowMenuButton handle={menu} row={model} label={t("more", { name: model.id })} />,
  };
  return (
    <>
      <DataTable
        label={t("catalogue")}
        rows={models}
        rowKey={({ id }) => id}
        columns={onAct === undefined ? facts : [...facts, actions]}
        footer={footer}
        dim={dim}
      />
      {onAct === undefined ? null : (
        <RowMenu handle={menu}>{(model) => <Items model={model} onAct={onAct} />}</RowMenu>
      )}
    </>
  );
}

function Items({ model, onAct }: { model: Model; onAct: (acting: PriceActing) => void }) {
  const t = useTranslations("models");
  return (
    <>
      <MenuItem icon={CircleDollarSign} onSelect={() => onAct({ kind: "set", model })}>
        {t("set")}
      </MenuItem>
      {model.attributes.source !== "override" ? null : (
        <MenuItem icon={Undo2} onSelect={() => onAct({ kind: "restore", model })}>
          {t("restore")}
        </MenuItem>
      )}
    </>
  );
}

function useFacts(): DataColumn<Model>[] {
  const t = useTranslations("models");
  const price = (head: string, of: (model: Model["attributes"]) => string | null): DataColumn<Model> => ({
    ...{ id: head, head, width: 116, right: true, className: "num" },
    cell: ({ attributes }) => (
      <span title={of(attributes) === null ? undefined : t("perMillion")}>
        {priceText(of(attributes)) ?? "–"}
      </span>
    ),
  });
  return [
    { id: "model", head: t("colModel"), cell: (model) => <Name model={model} /> },
    { id: "provider", head: t("provider"), width: 132, cell: ({ attributes }) => attributes.provider },
    price(t("colInput"), ({ inputUsdPerMillion }) => inputUsdPerMillion),
    price(t("colOutput"), ({ outputUsdPerMillion }) => outputUsdPerMillion),
    price(t("colCache"), ({ cacheReadUsdPerMillion }) => cacheReadUsdPerMillion),
    {
      ...{ id: "context", head: t("colContext"), width: 100, right: true, className: "num" },
      cell: ({ attributes: { contextWindow } }) =>
        contextWindow === null ? "–" : t("tokens", { count: contextWindow }),
    },
    {
      ...{ id: "served", width: 112, className: "after-figures", label: t("colServed") },
      head: <span className="pl-4">{t("colServed")}</span>,
      cell: ({ attributes: { served } }) =>
        served ? t("served") : <span className="soft">{t("notServed")}</span>,
    },
  ];
}

function Name({ model }: { model: Model }) {
  const t = useTranslations("models");
  const { name, source, inputUsdPerMillion, tiers } = model.attributes;
  const [tier] = tiers;
  const texts = tier && {
    tokens: tier.aboveInputTokens,
    input: priceText(tier.inputUsdPerMillion) ?? "–",
    output: priceText(tier.outputUsdPerMillion) ?? "–",
  };
  return (
    <span className="flex min-w-0 items-center gap-2">
      <span className="cut mono" title={name}>
        {name}
      </span>
      {inputUsdPerMillion !== null ? null : (
        <span className="tag flat bad" title={t("unpricedTitle")}>
          {t("unpriced")}
        </span>
      )}
      {source !== "override" ? null : (
        <span className="tag flat" title={t("overrideTitle")}>
          {t("override")}
        </span>
      )}
      {texts === undefined ? null : (
        <span className="tag flat" title={t("tieredTitle", texts)}>
          {t("tiered")}
        </span>
      )}
    </span>
  );
}
