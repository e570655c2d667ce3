import { useQuery } from "@tanstack/react-query";
import { Link, useRouterState } from "@tanstack/react-router";
import { Menu as MenuIcon, Monitor, Moon, Search, Sun, SunMoon } from "lucide-react";
import { useTranslations } from "use-intl";
import { fleetQuery } from "../api/queries.ts";
import { Bell } from "../notifications/bell.tsx";
import { Bit } from "../ui/bit.tsx";
import { IconButton } from "../ui/button.tsx";
import { Icon, Mark } from "../ui/icon.tsx";
import { Menu, MenuItem } from "../ui/menu.tsx";
import { pages } from "./pages.ts";
import { setTheme, useTheme } from "./theme.ts";

export function TopBar({ onMenu, onJump }: { onMenu: () => void; onJump: () => void }) {
  const t = useTranslations("shell");
  const ui = useTranslations("ui");
  const palette = useTranslations("palette");
  const path = useRouterState({ select: (state) => state.location.pathname });
  const page = pages.find(({ to }) => path.startsWith(to));
  return (
    <header className="top">
      <IconButton className="only-narrow -ml-2.5" icon={MenuIcon} label={ui("openMenu")} onClick={onMenu} />
      <Link className="brand" to="/keys" aria-label="Claviger">
        <Mark />
        <span>Claviger</span>
      </Link>
      <nav className="crumb" aria-label={t("breadcrumb")}>
        {page === undefined ? null : <b>{t(page.word)}</b>}
      </nav>
      <span className="grow" />
      <Fleet />
      <button type="button" className="jump" aria-label={`${palette("title")} ⌘K`} onClick={onJump}>
        <Icon of={Search} small />
        <span>{palette("title")}</span>
        <kbd>⌘K</kbd>
      </button>
      <Bell />
      <ThemeMenu />
    </header>
  );
}

/** The fleet as a key's bit: a tooth per gateway, and in words how many of them live. */
function Fleet() {
  const t = useTranslations("shell");
  const { data: fleet } = useQuery(fleetQuery);
  if (fleet === undefined) return null;
  const known = fleet.filter(({ attributes }) => attributes.status !== "pending");
  const live = known.filter(({ attributes }) => attributes.status !== "down").length;
  const figures = { live, all: known.length };
  return (
    <Link
      className="fleet"
      to="/gateways"
      aria-label={known.length === 0 ? t("noGateways") : t("liveOfLabel", figures)}
    >
      <Bit states={known.map(({ attributes }) => (attributes.status === "down" ? "gone" : "holds"))} />
      <span>{known.length === 0 ? t("noGateways") : t("liveOf", figures)}</span>
    </Link>
  );
}

const themeIcons = { system: Monitor, light: Sun, dark: Moon };

function ThemeMenu() {
  const t = useTranslations("shell");
  const theme = useTheme();
  return (
    <Menu trigger={<IconButton icon={SunMoon} label={t("theme", { theme: t(theme) })} />}>
      {(["system", "light", "dark"] as const).map((one) => (
        <MenuItem key={one} icon={themeIcons[one]} onSelect={() => setTheme(one)}>
          {t(one)}
        </MenuItem>
      ))}
    </Menu>
  );
}
