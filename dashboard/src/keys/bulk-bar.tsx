import { Ban, CirclePause, CirclePlay, Download, Pencil, Trash2, X } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslations } from "use-intl";
import type { KeyFilters } from "../api/queries.ts";
import { useMay } from "../shell/session.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { Menu, MenuItem } from "../ui/menu.tsx";
import { useToast } from "../ui/toast.tsx";
import type { BulkKind } from "./bulk-dialog.tsx";
import type { Target } from "./bulk-run.ts";
import { download, readAllKeys, toCsv } from "./export-keys.ts";
import type { Selection } from "./selection.ts";

const BulkDialog = lazy(async () => ({ default: (await import("./bulk-dialog.tsx")).BulkDialog }));

export interface BulkBarProps {
  readonly selection: Selection;
  readonly filters: KeyFilters;
  /** How many match. */
  readonly total: number;
}

/** What can be done with everything that is chosen; there only while something is. */
export function BulkBar({ selection, filters, total }: BulkBarProps) {
  const t = useTranslations("bulk");
  const may = useMay("member");
  const [kind, setKind] = useState<BulkKind | null>(null);
  const { ids, all } = selection;
  if (!all && ids.size === 0) return null;
  const whole = all || ids.size >= total;
  return (
    <>
      <section className="bulk" aria-label={t("bar")}>
        <span className="num" role="status">
          {all ? t("allSelected", { count: total }) : t("selected", { count: ids.size })}
        </span>
        {whole ? null : (
          <Button small kind="plain" onClick={selection.selectAll}>
            {t("selectAll", { count: total })}
          </Button>
        )}
        <hr />
        {may ? <Verbs onVerb={setKind} /> : null}
        <ExportMenu selection={selection} filters={filters} />
        <IconButton icon={X} label={t("clear")} onClick={selection.clear} />
      </section>
      {kind === null ? null : (
        <Suspense>
          <BulkDialog
            kind={kind}
            target={targetOf(selection, filters, total)}
            onClose={(over) => {
              setKind(null);
              if (over) selection.clear();
            }}
          />
        </Suspense>
      )}
    </>
  );
}

function targetOf({ ids, all }: Selection, filters: KeyFilters, total: number): Target {
  if (!all) return { kind: "ids", ids: [...ids] };
  const given = Object.entries(filters).filter(
    ([name, value]) => ["status", "search", "owner", "project", "safety"].includes(name) && value !== "",
  );
  return { kind: "filter", filter: Object.fromEntries(given), count: total };
}

function Verbs({ onVerb }: { onVerb: (kind: BulkKind) => void }) {
  const t = useTranslations("bulk");
  return (
    <>
      <Button small kind="plain" icon={CirclePause} onClick={() => onVerb("deactivate")}>
        {t("deactivate")}
      </Button>
      <Button small kind="plain" icon={CirclePlay} onClick={() => onVerb("activate")}>
        {t("activate")}
      </Button>
      <Menu
        trigger={
          <Button small kind="plain" icon={Pencil}>
            {t("edit")}
          </Button>
        }
      >
        {(["extend", "limit", "tag"] as const).map((one) => (
          <MenuItem key={one} onSelect={() => onVerb(one)}>
            {t(one)}
          </MenuItem>
        ))}
      </Menu>
      <Button small kind="plain" className="btn-danger" icon={Ban} onClick={() => onVerb("revoke")}>
        {t("revoke")}
      </Button>
      <Button small kind="plain" className="btn-danger" icon={Trash2} onClick={() => onVerb("delete")}>
        {t("delete")}
      </Button>
    </>
  );
}

/** Without a selection: everything that matches. */
export function ExportMenu({
  selection,
  filters,
  look = "bar",
}: {
  selection: Selection | null;
  filters: KeyFilters;
  look?: "bar" | "filter";
}) {
  const t = useTranslations("bulk");
  const toast = useToast();
  const only = selection === null || selection.all ? null : selection.ids;
  const save = async (form: "csv" | "json") => {
    try {
      const keys = await readAllKeys(filters, only);
      if (form === "csv") download("api-keys.csv", "text/csv;charset=utf-8", toCsv(keys));
      else download("api-keys.json", "application/json", JSON.stringify(keys, null, 2));
    } catch (error) {
      toast(t("exportFailed", { why: error instanceof Error ? error.message : "" }));
    }
  };
  return (
    <Menu
      trigger={
        <Button
          small={look === "bar"}
          kind="plain"
          icon={Download}
          className={look === "bar" ? "" : "not-narrow"}
        >
          {t("export")}
        </Button>
      }
    >
      <MenuItem onSelect={() => void save("csv")}>{t("exportCsv")}</MenuItem>
      <MenuItem onSelect={() => void save("json")}>{t("exportJson")}</MenuItem>
    </Menu>
  );
}
