import { useQuery } from "@tanstack/react-query";
import { Cable, Ellipsis, Pencil, RotateCw, Trash2 } from "lucide-react";
import { useTranslations } from "use-intl";
import { type LlmApiKey, projectsQuery } from "../api/queries.ts";
import { IconButton } from "../ui/button.tsx";
import { DataTable } from "../ui/data-table.tsx";
import { Menu, MenuItem, MenuLine } from "../ui/menu.tsx";
import { Day } from "../ui/now.tsx";
import type { LlmActing } from "./actions.tsx";

export interface LlmKeyTableProps {
  readonly keys: readonly LlmApiKey[];
  readonly onAct: ((acting: LlmActing) => void) | undefined;
}

export function LlmKeyTable({ keys, onAct }: LlmKeyTableProps) {
  const t = useTranslations("llmKeys");
  const { data: projects = [] } = useQuery(projectsQuery);
  const projectName = (id: string) => projects.find((one) => one.id === id)?.attributes.name ?? id;
  return (
    <DataTable
      label={t("title")}
      rows={keys}
      rowKey={({ id }) => id}
      columns={[
        { id: "name", head: t("colName"), cell: ({ attributes }) => attributes.name },
        { id: "provider", head: t("colProvider"), cell: ({ attributes }) => attributes.provider },
        {
          id: "secret",
          head: t("colSecret"),
          cell: ({ attributes }) =>
            attributes.preview === "" ? t("noSecret") : <span className="mono">{attributes.preview}</span>,
        },
        { id: "project", head: t("colProject"), cell: ({ attributes }) => projectName(attributes.projectId) },
        {
          id: "created",
          head: t("colCreated"),
          width: 110,
          className: "num",
          cell: ({ attributes }) => <Day at={attributes.createdAt} />,
        },
        {
          id: "models",
          head: t("colModels"),
          width: 90,
          right: true,
          className: "num",
          cell: ({ attributes: { models } }) => (
            <span title={t("modelsTitle", { list: models.slice(0, 40).join(", ") })}>
              {t("models", { count: models.length })}
            </span>
          ),
        },
        {
          id: "actions",
          head: <span className="sr">{t("edit")}</span>,
          width: 52,
          right: true,
          cell: (llmKey) => (onAct === undefined ? null : <Actions llmKey={llmKey} onAct={onAct} />),
        },
      ]}
    />
  );
}

function Actions({ llmKey, onAct }: { llmKey: LlmApiKey; onAct: (acting: LlmActing) => void }) {
  const t = useTranslations("llmKeys");
  const { name } = llmKey.attributes;
  return (
    <Menu trigger={<IconButton tiny icon={Ellipsis} label={t("more", { name })} />}>
      <MenuItem icon={Cable} onSelect={() => onAct({ kind: "test", llmKey })}>
        {t("test")}
      </MenuItem>
      <MenuItem icon={Pencil} onSelect={() => onAct({ kind: "edit", llmKey })}>
        {t("edit")}
      </MenuItem>
      <MenuItem icon={RotateCw} onSelect={() => onAct({ kind: "rotate", llmKey })}>
        {t("rotate")}
      </MenuItem>
      <MenuLine />
      <MenuItem icon={Trash2} danger onSelect={() => onAct({ kind: "delete", llmKey })}>
        {t("delete")}
      </MenuItem>
    </Menu>
  );
}
