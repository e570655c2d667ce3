import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Outlet } from "@tanstack/react-router";
import { TriangleAlert } from "lucide-react";
import { lazy, Suspense, useEffect, useState } from "react";
import { useTranslations } from "use-intl";
import { heardAtMs, startLive, useLive } from "../api/live.ts";
import { fleetQuery } from "../api/queries.ts";
import { Icon } from "../ui/icon.tsx";
import { clock } from "../words/format.ts";
import { useShortcuts } from "./shortcuts.tsx";
import { Sidebar } from "./sidebar.tsx";
import { TopBar } from "./top-bar.tsx";

const SideDrawer = lazy(async () => ({ default: (await import("./side-drawer.tsx")).SideDrawer }));

/** The frame of every page. */
export function Shell() {
  const t = useTranslations("shell");
  const [menu, setMenu] = useState(false);
  const { dialog, openPalette } = useShortcuts();
  const client = useQueryClient();
  useEffect(() => startLive(client), [client]);
  return (
    <>
      <a className="skip" href="#content">
        {t("skip")}
      </a>
      <div className="shell" data-live={useLive()}>
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
      <Suspense>{menu ? <SideDrawer onClose={() => setMenu(false)} /> : null}</Suspense>
    </>
  );
}

/** Says that what is shown may be old: nothing is told, and until when it was. */
function Stale() {
  const t = useTranslations("shell");
  const live = useLive();
  const { dataUpdatedAt } = useQuery(fleetQuery);
  if (live !== "lost") return null;
  const at = clock(new Date(Math.max(dataUpdatedAt, heardAtMs())).toISOString());
  return (
    <p className="stale" role="status">
      <Icon of={TriangleAlert} small />
      {t("stale", { at })}
    </p>
  );
}
