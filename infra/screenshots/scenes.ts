/** Every page, dialog and state of the dashboard, once: for whoever takes pictures of them, runs axe over them or measures them. */
import type { Page } from "playwright-core";

/** `owner`: of an organization in use. `many`: the same with a thousand keys. `nobody`: of one that has nothing yet. `stranger`: signed out. */
export type Visitor = "owner" | "viewer" | "nobody" | "many" | "stranger";

export interface Scene {
  /** A file's name. */
  readonly name: string;
  readonly path: string;
  /** There when the page is. */
  readonly ready: string;
  readonly next?: (page: Page) => Promise<void>;
  /** Absent: the owner. */
  readonly as?: Visitor;
  /** Changes something, so it is done where that may be. */
  readonly changes?: true;
}

/** What the scenes show. */
export interface Shown {
  readonly keyId: string;
  readonly projectId: string;
}

const press = (name: string | RegExp) => async (page: Page) => {
  await page.getByRole("button", { name }).first().click();
  await page.getByRole("dialog").waitFor();
};

const act =
  (item: string, of: string | RegExp = /^More actions/) =>
  async (page: Page) => {
    await page.getByRole("button", { name: of }).first().click();
    await page.getByRole("menuitem", { name: item, exact: true }).click();
    await page.getByRole("dialog").waitFor();
  };

const tab = (name: RegExp) => async (page: Page) => {
  await page.getByRole("tab", { name }).click();
};

/** The tree of what a key may use, where servers are registered. */
const pickTools = async (page: Page) => {
  await tab(/MCP/)(page);
  await page.getByRole("checkbox", { name: /MCP Enabled/ }).check();
  await page.locator("#key-mcpServers").waitFor();
  const branch = page.getByRole("button", { name: /^Tools of / }).and(page.locator(":enabled"));
  if ((await branch.count()) === 0) return;
  await branch.first().click();
  await page.locator(".pick-tools input").first().check();
};

/** What a server offers, where one is registered. */
const openTools = async (page: Page) => {
  const name = page.locator("td button.link");
  if ((await name.count()) === 0) return;
  await name.first().click();
  await page.getByRole("dialog").locator(".offer, p").first().waitFor();
};

/** Below 640 px nothing is done to many keys at once. */
const select = async (page: Page) => {
  const boxes = page.getByRole("checkbox", { name: /^Select / });
  for (const n of [1, 2, 4]) {
    const box = boxes.nth(n);
    if ((await box.count()) > 0 && (await box.isVisible())) await box.click();
  }
  // Over a long list the bar floats; at its end it covers no button by half.
  await page.evaluate("document.scrollingElement.scrollTo(0, document.body.scrollHeight)");
};

const keys = { path: "/keys", ready: "td.c-name" };
const create = { path: "/keys/new?name=Berth+planner&expires=90d&budget=50", ready: "#key-name" };

const keyScenes = ({ keyId }: Shown): Scene[] => {
  const key = { path: `/keys/${keyId}`, ready: ".detail-grid" };
  return [
    { name: "keys", ...keys },
    { name: "keys-selected", ...keys, next: select },
    {
      name: "keys-bulk",
      ...keys,
      next: async (page) => {
        await select(page);
        const verb = page.getByRole("button", { name: "Deactivate", exact: true });
        if ((await verb.count()) === 0 || !(await verb.first().isVisible())) return;
        await verb.first().click();
        await page.getByRole("dialog").waitFor();
      },
    },
    { name: "keys-no-match", path: "/keys?q=nothing+like+this&status=revoked", ready: ".plain-empty" },
    { name: "create-key", ...create },
    { name: "create-key-advanced", ...create, next: tab(/Advanced/) },
    { name: "create-key-mcp", ...create, next: pickTools },
    {
      name: "create-key-errors",
      path: "/keys/new?ips=10.0.0.300",
      ready: "#key-name",
      next: async (page) => {
        await page.getByLabel("Requests/min").fill("lots");
        await page.keyboard.press("Control+Enter");
        await page.getByText("Give the key a name").waitFor();
      },
    },
    { name: "create-key-for-member", path: "/keys/new?for=member", ready: "#key-name" },
    { name: "key", ...key },
    { name: "key-edit", ...key, next: press("Edit") },
    { name: "key-rotate", ...key, next: press("Rotate Key") },
    { name: "key-revoke", ...key, next: act("Revoke") },
    { name: "key-delete", ...key, next: act("Delete") },
    { name: "key-ephemeral", ...key, next: act("Ephemeral Token") },
    { name: "key-missing", path: "/keys/key_000000000000", ready: "[role=alert]" },
    { name: "keys-thousand", ...keys, as: "many" },
  ];
};

const accessScenes = ({ projectId }: Shown): Scene[] => [
  { name: "llm-keys", path: "/llm-keys", ready: "table.data" },
  { name: "llm-key-add", path: "/llm-keys", ready: "table.data", next: press("Add LLM key") },
  { name: "llm-key-test", path: "/llm-keys", ready: "table.data", next: act("Test connection") },
  { name: "models", path: "/models?provider=sandbox", ready: "table.data" },
  {
    name: "model-price",
    path: "/models?provider=sandbox",
    ready: "table.data",
    next: act("Set price"),
  },
  { name: "aliases", path: "/models/aliases", ready: "table.data, .plain-empty" },
  {
    name: "alias-add",
    path: "/models/aliases",
    ready: "table.data, .plain-empty",
    next: press("Add alias"),
  },
  { name: "mcp", path: "/mcp", ready: "table.data, .plain-empty" },
  { name: "mcp-tools", path: "/mcp", ready: "table.data, .plain-empty", next: openTools },
  { name: "mcp-add", path: "/mcp", ready: "table.data, .plain-empty", next: press("Add MCP server") },
  { name: "logs-mcp", path: "/logs?surface=mcp", ready: ".filters" },
  { name: "agents", path: "/agents", ready: "table.data, .plain-empty" },
  { name: "agent-create", path: "/agents", ready: "h1", next: press("Create agent") },
  { name: "projects", path: "/projects", ready: "table.data" },
  { name: "project-create", path: "/projects", ready: "table.data", next: press("Add project") },
  { name: "project", path: `/projects/${projectId}/api-access/api-keys`, ready: "td.c-name" },
  { name: "project-llm-keys", path: `/projects/${projectId}/api-access/llm-keys`, ready: "table.data" },
  { name: "members", path: "/members", ready: "table.data" },
  { name: "member-invite", path: "/members", ready: "table.data", next: press("Invite member") },
];

const fleetScenes = (): Scene[] => [
  { name: "gateways", path: "/gateways", ready: ".gcard" },
  { name: "gateway-attach", path: "/gateways", ready: ".gcard", next: press("Attach gateway") },
  { name: "gateway-drain", path: "/gateways", ready: ".gcard", next: act("Drain") },
  { name: "gateway-detach", path: "/gateways", ready: ".gcard", next: act("Detach") },
  { name: "usage", path: "/usage", ready: ".kpis, .plain-empty" },
  { name: "logs", path: "/logs", ready: ".filters" },
  {
    name: "logs-request",
    path: "/logs",
    ready: ".filters",
    next: async (page) => {
      await page.getByText(/gateways answered/).waitFor();
      const row = page.getByRole("button", { name: /Details of request/ });
      if ((await row.count()) === 0) return;
      await row.first().click();
      await page.getByRole("dialog").waitFor();
    },
  },
  { name: "audit", path: "/audit", ready: "table.data" },
];

const settingsScenes = (): Scene[] => [
  { name: "notifications", path: "/notifications", ready: "table.data, .plain-empty" },
  { name: "notification-channels", path: "/notifications/channels", ready: "table.data, .plain-empty" },
  {
    name: "notification-channel-add",
    path: "/notifications/channels",
    ready: "table.data, .plain-empty",
    next: press("Add channel"),
  },
  { name: "notification-rules", path: "/notifications/rules", ready: "form.panel" },
  { name: "notification-deliveries", path: "/notifications/deliveries", ready: "table.data, .plain-empty" },
  { name: "settings-sessions", path: "/settings/sessions", ready: "table.data" },
  { name: "settings-tokens", path: "/settings/tokens", ready: "table.data, .plain-empty" },
  { name: "settings-token-create", path: "/settings/tokens", ready: "h1", next: press("Create token") },
  { name: "settings-security", path: "/settings/security", ready: "form.panel" },
  { name: "settings-sso", path: "/settings/sso", ready: "form.panel" },
  { name: "settings-appearance", path: "/settings/appearance", ready: ".seg" },
  {
    name: "palette",
    ...keys,
    next: async (page) => {
      await page.keyboard.press("Control+k");
      await page.getByRole("option").first().waitFor();
    },
  },
  {
    name: "help",
    ...keys,
    next: async (page) => {
      await page.keyboard.press("?");
      await page.getByRole("dialog").waitFor();
    },
  },
  { name: "unknown-page", path: "/no/such/page", ready: ".plain-empty" },
];

const otherScenes = (): Scene[] => [
  { name: "sign-in", path: "/keys", ready: "form", as: "stranger" },
  { name: "join-nothing", path: "/join#nothing", ready: "main", as: "stranger" },
  { name: "viewer-keys", ...keys, as: "viewer" },
  { name: "forbidden", path: "/keys/new", ready: "[role=alert]", as: "viewer" },
  { name: "empty-keys", path: "/keys", ready: ".empty", as: "nobody" },
  { name: "empty-gateways", path: "/gateways", ready: ".empty", as: "nobody" },
  { name: "empty-agents", path: "/agents", ready: ".plain-empty", as: "nobody" },
  { name: "empty-usage", path: "/usage", ready: ".plain-empty", as: "nobody" },
  { name: "empty-logs", path: "/logs", ready: ".plain-empty", as: "nobody" },
];

/** Shown last: each makes a key. */
const changingScenes = ({ keyId }: Shown): Scene[] => [
  {
    name: "key-reveal",
    ...create,
    changes: true,
    next: async (page) => {
      await page.keyboard.press("Control+Enter");
      await page.getByText("API Key created! Copy it now").waitFor();
    },
  },
  {
    name: "key-changed",
    path: `/keys/${keyId}`,
    ready: ".detail-grid",
    changes: true,
    next: async (page) => {
      // In one look it is deactivated, in the next one activated again.
      await page
        .getByRole("button", { name: /^More actions/ })
        .first()
        .click();
      const item = page.getByRole("menuitem", { name: /^(Deactivate|Activate)$/ });
      const verb = (await item.textContent()) ?? "";
      await item.click();
      await page.getByRole("dialog").getByRole("button", { name: verb, exact: true }).click();
      await page.getByText(/^(Refused|Accepted) by all/).waitFor();
    },
  },
];

/** All of them; those that change something come last. */
export const scenes = (shown: Shown): readonly Scene[] => [
  ...keyScenes(shown),
  ...accessScenes(shown),
  ...fleetScenes(),
  ...settingsScenes(),
  ...otherScenes(),
  ...changingScenes(shown),
];
