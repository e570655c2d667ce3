import { lazy, Suspense } from "react";
import { useTranslations } from "use-intl";
import { Choice } from "../ui/choice.tsx";
import { TextField } from "../ui/field.tsx";
import type { SectionProps } from "./form-basic.tsx";
import { mcpModes } from "./form-values.ts";

// A key without MCP, which most are, needs none of it.
const Picker = lazy(async () => ({ default: (await import("../mcp/picker.tsx")).Picker }));

/** Which MCP servers and tools a key may use, and how often it may call them. */
export function McpSection({ form, values }: SectionProps) {
  const t = useTranslations("keyForm");
  const { mcpEnabled, mcpMode, mcpServers, mcpTools } = values;
  const errors = form.formState.errors;
  return (
    <>
      <label className="row-switch">
        <div>
          <b className="strong">{t("mcpEnabled")}</b>
          <p className="hint">{t("mcpHint")}</p>
        </div>
        <input type="checkbox" className="switch" {...form.register("mcpEnabled")} />
      </label>
      {mcpEnabled ? (
        <Choice
          label={t("mcpMode")}
          value={mcpMode}
          onChange={(mode) => form.setValue("mcpMode", mode, { shouldDirty: true })}
          options={mcpModes.map((value) => ({ value, label: t(value) }))}
        />
      ) : null}
      {mcpEnabled && mcpMode !== "deny-all" ? (
        <Suspense fallback={null}>
          <Picker
            id="key-mcpServers"
            error={errors.mcpServers?.message}
            picked={{ mode: mcpMode, servers: mcpServers, tools: mcpTools }}
            onPick={({ servers, tools }) => {
              form.setValue("mcpServers", [...servers], { shouldDirty: true });
              const lists = Object.entries(tools).map(([server, names]) => [server, [...names]]);
              form.setValue("mcpTools", Object.fromEntries(lists), { shouldDirty: true });
            }}
          />
        </Suspense>
      ) : null}
      {mcpEnabled ? (
        <TextField
          id="key-toolCallsPerMinute"
          className="half keep"
          label={t("toolCalls")}
          error={errors.toolCallsPerMinute?.message}
          inputMode="numeric"
          autoComplete="off"
          placeholder={t("noLimit")}
          {...form.register("toolCallsPerMinute")}
        />
      ) : null}
    </>
  );
}
