import { useState } from "react";
import { useTranslations } from "use-intl";
import { setShortcuts, shortcutsOn } from "../shell/keyboard.ts";
import { setTheme, themes, useTheme } from "../shell/theme.ts";
import { Choice } from "../ui/choice.tsx";

/** How it looks and listens in this browser. */
export function Appearance() {
  const t = useTranslations("settings");
  const theme = useTheme();
  const [shortcuts, setShown] = useState(shortcutsOn);
  return (
    <section className="panel form max-w-120" aria-label={t("appearance")}>
      <Choice
        label={t("theme")}
        value={theme}
        onChange={setTheme}
        options={themes.map((value) => ({ value, label: t(value) }))}
      />
      <label className="row-switch">
        <div>
          <b className="strong">{t("shortcuts")}</b>
          <p className="hint">{t("shortcutsHint")}</p>
        </div>
        <input
          type="checkbox"
          className="switch"
          checked={shortcuts}
          onChange={(event) => {
            setShortcuts(event.target.checked);
            setShown(event.target.checked);
          }}
        />
      </label>
    </section>
  );
}
