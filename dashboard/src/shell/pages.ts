import {
  Bell,
  Bot,
  Boxes,
  ChartColumn,
  FolderKey,
  KeyRound,
  type LucideIcon,
  Plug,
  ScrollText,
  Settings,
  ShieldCheck,
  Users,
  Vault,
  Waypoints,
} from "lucide-react";

export interface PageEntry {
  readonly to:
    | "/keys"
    | "/llm-keys"
    | "/models"
    | "/mcp"
    | "/agents"
    | "/projects"
    | "/members"
    | "/gateways"
    | "/usage"
    | "/logs"
    | "/audit"
    | "/notifications"
    | "/settings";
  readonly word:
    | "keys"
    | "llmKeys"
    | "models"
    | "mcp"
    | "agents"
    | "projects"
    | "members"
    | "gateways"
    | "usage"
    | "logs"
    | "audit"
    | "notifications"
    | "settings";
  readonly icon: LucideIcon;
}

export interface Section {
  readonly word: "access" | "fleet" | "record";
  readonly pages: readonly PageEntry[];
}

/** What the sidebar offers: pages that exist. */
export const sections: readonly Section[] = [
  {
    word: "access",
    pages: [
      { to: "/keys", word: "keys", icon: KeyRound },
      { to: "/llm-keys", word: "llmKeys", icon: Vault },
      { to: "/models", word: "models", icon: Boxes },
      { to: "/mcp", word: "mcp", icon: Plug },
      { to: "/agents", word: "agents", icon: Bot },
      { to: "/projects", word: "projects", icon: FolderKey },
      { to: "/members", word: "members", icon: Users },
    ],
  },
  { word: "fleet", pages: [{ to: "/gateways", word: "gateways", icon: Waypoints }] },
  {
    word: "record",
    pages: [
      { to: "/usage", word: "usage", icon: ChartColumn },
      { to: "/logs", word: "logs", icon: ScrollText },
      { to: "/audit", word: "audit", icon: ShieldCheck },
      { to: "/notifications", word: "notifications", icon: Bell },
    ],
  },
];

export const settingsPage: PageEntry = { to: "/settings", word: "settings", icon: Settings };

export const pages: readonly PageEntry[] = [...sections.flatMap((section) => section.pages), settingsPage];
