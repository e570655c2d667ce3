/** What the pictures show: an organization with people, keys in every state, agents, and traffic through both gateways. */
import { type Admin, createAdmin, type MadeKey } from "../e2e/support/admin.ts";
import type { Place } from "../e2e/support/sign-in.ts";

const DAY_MS = 86_400_000;
const inDays = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString();

const people = [
  ["Marta Oliveira", "admin"],
  ["Jonas Lindqvist", "member"],
  ["Aiko Tanabe", "member"],
  ["Bartholomew Featherstonehaugh-Cholmondeley", "viewer"],
] as const;

const keys: readonly (readonly [string, object])[] = [
  [
    "CI smoke tests",
    { expiresAt: inDays(30), budgetUsd: "25", budgetPeriod: "monthly", requestsPerMinute: 60 },
  ],
  ["Warehouse copilot", { budgetUsd: "2", budgetPeriod: "monthly", allowedProviders: ["sandbox"] }],
  ["Support macros, preview", { expiresAt: inDays(2), allowedModels: ["echo", "story"] }],
  [
    "Invoice extraction, nightly batch for accounts payable in every region of the company",
    { expiresAt: inDays(90), metadata: { team: "finance", ticket: "OPS-2211" } },
  ],
  [
    "Route planner",
    { expiresAt: inDays(180), ipAllowlist: ["10.0.0.0/8"], note: "Stored in the vault of eu" },
  ],
  ["Customs forms", { expiresAt: inDays(365), budgetUsd: "120", budgetPeriod: "weekly" }],
  ["Driver app, Android", {}],
  ["Driver app, iOS", {}],
  ["Pricing experiments", { maxConcurrency: 4, tokensPerMinute: 20_000 }],
  ["Contract search", { expiresAt: inDays(60) }],
  ["Retired importer", {}],
  ["Leaked in a ticket", {}],
];

/** Seeds the place; resolves with the id of the key that detail pages show. */
export async function tell(place: Place, gateways: readonly string[]): Promise<{ keyId: string }> {
  const { credentials, url } = place;
  const admin = createAdmin(url, credentials.adminToken);
  const owners: string[] = [];
  for (const [name, role] of people) {
    const email = `${name.split(" ")[0]?.toLowerCase()}@ostia.example`;
    const attributes = { email, name, role, password: "a password for the pictures" };
    const { json } = await admin.call("POST", "/members", { data: { type: "member", attributes } });
    if (role !== "viewer") owners.push((json as { data: { id: string } }).data.id);
  }
  const invitation = { email: "petra@ostia.example", role: "member" };
  await admin.call("POST", "/invitations", { data: { type: "invitation", attributes: invitation } });
  const made: MadeKey[] = [];
  for (const [n, [name, attributes]] of keys.entries()) {
    const ownerId = owners[n % owners.length];
    made.push(await admin.createKey(credentials.projectId, { name, ownerId, ...attributes }));
  }
  for (const name of ["Nightly crawler", "Mail triage"]) {
    await admin.call("POST", `/projects/${credentials.projectId}/agents`, {
      data: { type: "agent", attributes: { name, allowedModels: ["echo"] } },
    });
  }
  await admin.call("POST", "/projects", { data: { type: "project", attributes: { name: "Research" } } });
  await rooms(admin, credentials.projectId);
  await traffic(made, gateways);
  await tools(admin, made, gateways);
  await admin.call("POST", `/api-keys/${made[10]?.id}/deactivate`);
  await admin.call("POST", `/api-keys/${made[11]?.id}/revoke`);
  const view = { page: "keys", name: "Ends soon", query: "sort=expiresAt&status=active", shared: true };
  await admin.call("POST", "/saved-views", { data: { type: "saved-view", attributes: view } });
  return { keyId: made[1]?.id ?? "" };
}

/** Providers, models and names of one's own. */
async function rooms(admin: ReturnType<typeof createAdmin>, projectId: string): Promise<void> {
  for (const attributes of [
    { provider: "openai", name: "gpt", secretKey: "sk-for-the-pictures-4mQ9", withDefaultModels: true },
    { provider: "anthropic", name: "anthropic-reserved-capacity-eu-west", secretKey: "sk-ant-pictures-77Ab" },
    { provider: "groq", name: "groq", secretKey: "gsk-pictures-Zz81", customModels: ["house/dispatch-70b"] },
  ]) {
    const data = { type: "llm-api-key", attributes };
    await admin.call("POST", `/projects/${projectId}/llm-api-keys`, { data });
  }
  for (const [name, targets] of [
    ["quick", ["sandbox/echo"]],
    ["careful", ["sandbox/story", "sandbox/echo", "groq/house/dispatch-70b"]],
  ] as const) {
    const attributes = { name, targets, projectId: null };
    await admin.call("POST", "/model-aliases", { data: { type: "model-alias", attributes } });
  }
  await admin.call("PATCH", `/models/${encodeURIComponent("sandbox/story")}`, {
    data: { type: "model", attributes: { inputUsdPerMillion: "0.8", outputUsdPerMillion: "2.4" } },
  });
  const channel = { kind: "email", name: "On call", recipients: ["oncall@ostia.example"] };
  await admin.call("POST", "/notification-channels", {
    data: { type: "notification-channel", attributes: channel },
  });
}

/** Some keys are used a lot, some once, one asks for what it may not have. */
async function traffic(made: readonly MadeKey[], gateways: readonly string[]): Promise<void> {
  const counts = [3, 60, 12, 24, 1, 8, 30, 18, 6, 2];
  for (const [n, count] of counts.entries()) {
    for (let sent = 0; sent < count; sent += 1) {
      const model = sent % 9 === 8 ? "sandbox/missing" : sent % 3 === 0 ? "sandbox/story" : "sandbox/echo";
      await call(gateways[sent % gateways.length] ?? "", made[n]?.secret ?? "", model);
    }
  }
}

/** An MCP server that has changed since it was accepted, one that nobody has asked yet, and calls by a key that may make some. */
async function tools(admin: Admin, made: readonly MadeKey[], gateways: readonly string[]): Promise<void> {
  const { data } = (await admin.call("GET", "/llm-api-keys")).json as {
    data: { attributes: { provider: string; baseUrl: string } }[];
  };
  const sandbox = data.find(({ attributes: { provider } }) => provider === "sandbox")?.attributes.baseUrl;
  const make = async (attributes: object) => {
    const answer = await admin.call("POST", "/mcp-servers", { data: { type: "mcp-server", attributes } });
    return (answer.json as { data: { id: string } }).data.id;
  };
  const id = await make({ name: "berths", url: `${sandbox}/mcp` });
  await make({
    name: "customs",
    url: "https://mcp.customs.example/mcp",
    bearer: "customs-bearer-0123456789",
  });
  await admin.call("POST", `/mcp-servers/${id}/discover`, {});
  await admin.call("POST", `/mcp-servers/${id}/tools/accept`, { all: true });
  const mcp = { enabled: true, mode: "allow-list", servers: ["berths"], tools: { berths: ["echo", "add"] } };
  await admin.call("PATCH", `/api-keys/${made[1]?.id}`, { data: { type: "api-key", attributes: { mcp } } });
  for (const [n, tool] of ["echo", "add", "count_words", "echo"].entries()) {
    await callTool(gateways[n % gateways.length] ?? "", made[1]?.secret ?? "", tool);
  }
  const attributes = { url: `${sandbox}/mcp?revision=2` };
  await admin.call("PATCH", `/mcp-servers/${id}`, { data: { type: "mcp-server", attributes } });
  await admin.call("POST", `/mcp-servers/${id}/discover`, {});
}

async function callTool(gateway: string, secret: string, name: string): Promise<void> {
  const params = { name, arguments: { text: "Which containers leave today?", a: 2, b: 3 } };
  const answer = await fetch(`${gateway}/mcp/berths`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${secret}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }),
  });
  await answer.arrayBuffer();
}

async function call(gateway: string, secret: string, model: string): Promise<void> {
  const messages = [{ role: "user", content: "Which containers leave today?" }];
  const answer = await fetch(`${gateway}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify({ model, messages }),
  });
  await answer.arrayBuffer();
}
