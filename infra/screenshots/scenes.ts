/** Every page and the dialogs that matter, once. */
import type { Page } from "playwright-core";

export interface Scene {
  readonly name: string;
  readonly path: string;
  /** There when the page is. */
  readonly ready: string;
  readonly next?: (page: Page) => Promise<void>;
  /** Shown to whoever has nothing yet. */
  readonly empty?: boolean;
}

const press = (name: string | RegExp) => async (page: Page) => {
  await page.getByRole("button", { name }).first().click();
  await page.getByRole("dialog").waitFor();
};

const act = (item: string) => async (page: Page) => {
  await page.getByRole("button", { name: "More actions for Warehouse copilot" }).first().click();
  await page.getByRole("menuitem", { name: item }).click();
  await page.getByRole("dialog").waitFor();
};

const select = async (page: Page) => {
  for (const name of ["Route planner", "Customs forms", "Contract search"]) {
    const box = page.getByRole("checkbox", { name: `Select ${name}` });
    if (await box.isVisible()) await box.click();
  }
};

export function scenes(keyId: string, projectId: string): readonly Scene[] {
  return [
    { name: "keys", path: "/keys", ready: "td.c-name" },
    { name: "keys-selected", path: "/keys", ready: "td.c-name", next: select },
    { name: "keys-no-match", path: "/keys?q=nothing+like+this&status=revoked", ready: ".plain-empty" },
    { name: "create-key", path: "/keys/new?name=Berth+planner&expires=90d&budget=50", ready: "#key-name" },
    { name: "key", path: `/keys/${keyId}`, ready: ".detail-grid" },
    { name: "key-rotate", path: `/keys/${keyId}`, ready: ".detail-grid", next: press("Rotate Key") },
    { name: "key-revoke", path: `/keys/${keyId}`, ready: ".detail-grid", next: act("Revoke") },
    { name: "key-missing", path: "/keys/key_000000000000", ready: "[role=alert]" },
    { name: "llm-keys", path: "/llm-keys", ready: "table.data" },
    { name: "agents", path: "/agents", ready: "table.data" },
    { name: "agent-create", path: "/agents", ready: "table.data", next: press("Create agent") },
    { name: "projects", path: "/projects", ready: "table.data" },
    { name: "project", path: `/projects/${projectId}/api-access/api-keys`, ready: "td.c-name" },
    { name: "members", path: "/members", ready: "table.data" },
    { name: "member-invite", path: "/members", ready: "table.data", next: press("Invite member") },
    { name: "models", path: "/models", ready: "h1" },
    { name: "gateways", path: "/gateways", ready: ".gcard" },
    { name: "gateway-attach", path: "/gateways", ready: ".gcard", next: press("Attach gateway") },
    { name: "usage", path: "/usage", ready: "h1" },
    { name: "logs", path: "/logs", ready: "table.data" },
    { name: "audit", path: "/audit", ready: "table.data" },
    { name: "notifications", path: "/notifications", ready: "h1" },
    { name: "settings-sessions", path: "/settings/sessions", ready: "table.data" },
    { name: "settings-tokens", path: "/settings/tokens", ready: "h1" },
    { name: "settings-appearance", path: "/settings/appearance", ready: ".seg" },
    {
      name: "palette",
      path: "/keys",
      ready: "td.c-name",
      next: async (page) => {
        await page.keyboard.press("Control+k");
        await page.getByRole("option").first().waitFor();
      },
    },
    { name: "unknown-page", path: "/no/such/page", ready: ".plain-empty" },
    { name: "empty-keys", path: "/keys", ready: ".empty", empty: true },
    { name: "empty-gateways", path: "/gateways", ready: ".empty", empty: true },
    { name: "empty-agents", path: "/agents", ready: ".plain-empty", empty: true },
  ];
}
