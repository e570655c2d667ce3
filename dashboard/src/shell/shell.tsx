import { Dialog } from "@base-ui/react/dialog";
import { useQuery } from "@tanstack/react-query";
import { Outlet } from "@tanstack/react-router";
import { TriangleAlert } from "lucide-react";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { fleetQuery } from "../api/queries.ts";
import { Icon } from "../ui/icon.tsx";
import { useNow } from "../ui/now.tsx";
import { clock } from "../words/format.ts";
import { useShortcuts } from "./shortcuts.tsx";
import { Sidebar } from "./sidebar.tsx";
import { TopBar } from "./top-bar.tsx";

/** The frame of every page. */
export function Shell() {
  const t = useTranslations("shell");
  const [menu, setMenu] = useState(false);
  const { dialog, openPalette } = useShortcuts();
  return (
    <>
      <a className="skip" href="#content">
        {t("skip")}
      </a>
      <div className="shell">
        <Sidebar />
        <div className="main">
          <TopBar onMenu={() => setMenu(true)} onJump={openPalette} />
          <Stale />
          <main className="page" id="content" tabIndex={-1}>
            <Outlet />
          </main>
        </div>
      </div>
      {dialog}
      <Dialog.Root open={menu} onOpenChange={setMenu}>
        <Dialog.Portal>
          <Dialog.Backdrop className="scrim" />
          <Dialog.Popup className="drawer" aria-label={t("main")}>
            <Sidebar onLeave={() => setMenu(false)} />
          </Dialog.Popup>
        </Dialog.Portal>
      </Dialog.Root>
    </>
  );
}

/** Older than this, what the page shows is said to be old. */
const STALE_MS = 12_000;

function Stale() {
  const t = useTranslations("shell");
  const now = useNow();
  const { dataUpdatedAt, isError } = useQuery(fleetQuery);
  if (dataUpdatedAt === 0 || !isError || now - dataUpdatedAt < STALE_MS) return null;
  return (
    <p className="stale" role="status">
      <Icon of={TriangleAlert} small />
      {t("stale", { at: clock(new Date(dataUpdatedAt).toISOString()) })}
    </p>
  );
}
