import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { LogOut } from "lucide-react";
import { useTranslations } from "use-intl";
import { fleetQuery } from "../api/queries.ts";
import { Icon, Mark } from "../ui/icon.tsx";
import { Menu, MenuItem } from "../ui/menu.tsx";
import { initials } from "../words/format.ts";
import { type PageEntry, sections, settingsPage } from "./pages.ts";
import { useSession } from "./session.ts";
import { useSignOut } from "./sign-out.ts";

/** The pages there are, and who is signed in. Its edge is the shank of the key, the current page its tooth. */
export function Sidebar({ onLeave }: { onLeave?: () => void }) {
  const t = useTranslations("shell");
  const { organizationName } = useSession();
  const { data: fleet } = useQuery(fleetQuery);
  const leave = onLeave === undefined ? {} : { onLeave };
  return (
    <aside className="side">
      <Link className="brand" to="/keys" aria-label="Claviger" {...(onLeave && { onClick: onLeave })}>
        <Mark />
        Claviger
      </Link>
      <div className="org">
        <span className="monogram" aria-hidden="true">
          {organizationName.slice(0, 1).toUpperCase()}
        </span>
        <span className="cut" title={organizationName}>
          {organizationName}
        </span>
      </div>
      <nav className="nav" aria-label={t("main")}>
        {sections.map((section) => (
          <div key={section.word}>
            <h2>{t(section.word)}</h2>
            <ul>
              {section.pages.map((page) => (
                <PageLink
                  key={page.to}
                  page={page}
                  figure={page.word === "gateways" ? fleet?.length : undefined}
                  {...leave}
                />
              ))}
            </ul>
          </div>
        ))}
      </nav>
      <div className="side-foot">
        <nav className="nav" aria-label={t("settings")}>
          <ul>
            <PageLink page={settingsPage} figure={undefined} {...leave} />
          </ul>
        </nav>
        <Me />
      </div>
    </aside>
  );
}

interface PageLinkProps {
  readonly page: PageEntry;
  readonly figure: number | undefined;
  readonly onLeave?: () => void;
}

function PageLink({ page, figure, onLeave }: PageLinkProps) {
  const t = useTranslations("shell");
  return (
    <li>
      <Link to={page.to} activeProps={{ "aria-current": "page" }} {...(onLeave && { onClick: onLeave })}>
        <Icon of={page.icon} />
        {t(page.word)}
        {figure === undefined ? null : <span className="num">{figure}</span>}
      </Link>
    </li>
  );
}

function Me() {
  const t = useTranslations("shell");
  const { name, role } = useSession();
  const signOut = useSignOut();
  return (
    <Menu
      trigger={
        <button type="button" className="me">
          <span className="sr">{t("account")}</span>
          <span className="avatar" aria-hidden="true">
            {initials(name)}
          </span>
          <div>
            <span className="cut block" title={name}>
              {name}
            </span>
            <small>{t(`role.${role}`)}</small>
          </div>
        </button>
      }
    >
      <MenuItem icon={LogOut} onSelect={signOut}>
        {t("signOut")}
      </MenuItem>
    </Menu>
  );
}
