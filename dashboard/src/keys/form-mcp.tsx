import { useTranslations } from "use-intl";
import { Choice } from "../ui/choice.tsx";
import { TagField } from "../ui/tags.tsx";
import type { SectionProps } from "./form-basic.tsx";
import { mcpModes } from "./form-values.ts";

/** Which MCP servers a key may use. Servers and tools are named as the gateway knows them. */
export function McpSection({ form, values }: SectionProps) {
  const t = useTranslations("keyForm");
  const lists = values.mcpMode === "allow-list" || values.mcpMode === "deny-list";
  return (
    <>
      <label className="row-switch">
        <div>
          <b className="strong">{t("mcpEnabled")}</b>
          <p className="hint">{t("mcpHint")}</p>
        </div>
        <input type="checkbox" className="switch" {...form.register("mcpEnabled")} />
      </label>
      {values.mcpEnabled ? (
        <Choice
          label={t("mcpMode")}
          value={values.mcpMode}
          onChange={(mode) => form.setValue("mcpMode", mode, { shouldDirty: true })}
          options={mcpModes.map((value) => ({ value, label: t(value) }))}
        />
      ) : null}
      {values.mcpEnabled && lists ? (
        <TagField
          id="key-mcpServers"
          label={values.mcpMode === "allow-list" ? t("mcpAllowed") : t("mcpDenied")}
          placeholder={t("mcpAdd")}
          error={form.formState.errors.mcpServers?.message}
          values={values.mcpServers}
          onChange={(servers) => form.setValue("mcpServers", servers, { shouldDirty: true })}
        />
      ) : null}
      {values.mcpEnabled && values.mcpMode === "allow-list"
        ? values.mcpServers.map((server) => (
            <TagField
              key={server}
              id={`key-mcpTools-${server}`}
              label={t("mcpTools", { server })}
              aside={t("mcpToolsAside")}
              placeholder={t("mcpToolsAdd")}
              values={values.mcpTools[server] ?? []}
              onChange={(tools) =>
                form.setValue("mcpTools", { ...values.mcpTools, [server]: tools }, { shouldDirty: true })
              }
            />
          ))
        : null}
    </>
  );
}
