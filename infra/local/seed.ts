/**
 * The demo's organization, through the public API alone. Every step looks first and makes what is missing, and its
 * result is written down at once, so that a start that was killed anywhere is continued by the next one.
 */
import { join } from "node:path";
import * as z from "zod";
import { type Answer, callApi, idOf, type Proof, secretOf } from "./api-client.ts";
import { readJsonFile, writeJsonFile } from "./json-file.ts";
import { httpUrl, type Layout } from "./layout.ts";
import type { Secrets } from "./secrets.ts";
import { type Credentials, LocalStackError } from "./types.ts";

const ADMIN_EMAIL = "admin@example.com";
const ORGANIZATION = "Demo";
const PROJECT = "Demo";
const TOKEN = "npm start";
const DEMO_KEY = "Demo key";

/** A token lives 15 minutes; one that is about to expire is not used again. */
const TOKEN_MS = 14 * 60_000;

const Progress = z.object({
  /** Gateways keep the addresses that they enrolled with, and the LLM key its host: a seeded home cannot move. */
  portBase: z.int().optional(),
  organizationId: z.string().optional(),
  adminToken: z.string().optional(),
  projectId: z.string().optional(),
  llmKeyId: z.string().optional(),
  /** Gateways that have been ready. */
  enrolled: z.array(z.string()).default([]),
  /** By gateway; a replica whose enrolment was cut short goes on with the same token, or it would be a second replica. */
  tokens: z.record(z.string(), z.object({ secret: z.string(), issuedAtMs: z.int() })).default({}),
  demoKey: z.string().optional(),
});
type Progress = z.infer<typeof Progress>;

export class Seed {
  /** False for an empty system. A home that has begun to hold the demo keeps it. */
  readonly wanted: boolean;
  readonly #secrets: Secrets;
  readonly #file: string;
  readonly #credentialsFile: string;
  readonly #baseUrl: string;
  readonly #sandboxUrl: string;
  readonly #portBase: number;
  #progress: Progress;

  constructor(home: string, secrets: Secrets, layout: Layout, demo: boolean) {
    this.#secrets = secrets;
    this.#file = join(home, "seed.json");
    this.#credentialsFile = join(home, "credentials.json");
    this.#baseUrl = httpUrl(layout.controlPlanePorts[0] ?? 0);
    this.#sandboxUrl = httpUrl(layout.sandboxPort);
    const read = Progress.safeParse(readJsonFile(this.#file) ?? {});
    if (!read.success) throw new LocalStackError(`${this.#file} is damaged; start over with --reset`);
    this.#progress = read.data;
    this.#portBase = layout.controlPlanePorts[0] ?? 0;
    this.#requireSamePorts(home);
    this.wanted = demo || this.#progress.organizationId !== undefined;
  }

  /** The token for a gateway's first start; undefined once it has been ready. */
  enrolmentToken(gateway: string): string | undefined {
    return this.#progress.tokens[gateway]?.secret;
  }

  /** What `credentials.json` holds; null until the demo is complete. */
  credentials(): Credentials | null {
    const { organizationId, adminToken, projectId, demoKey } = this.#progress;
    if (!organizationId || !adminToken || !projectId || !demoKey) return null;
    const { operatorToken, adminPassword } = this.#secrets;
    const admin = { adminEmail: ADMIN_EMAIL, adminPassword, adminToken };
    return { ...admin, operatorToken, organizationId, projectId, demoKey };
  }

  /** The one credential of an empty system. */
  writeOperatorToken(): void {
    writeJsonFile(this.#credentialsFile, { operatorToken: this.#secrets.operatorToken });
  }

  /** Organization, administrator, project, the sandbox's LLM key, and a token for each gateway that has none yet. */
  async beforeGateways(gateways: readonly string[], replicas: number, report: (line: string) => void) {
    this.#note({ portBase: this.#portBase });
    if (this.#progress.adminToken === undefined) {
      report(`making the organization ${ORGANIZATION} and its administrator`);
      await this.#makeOrganization();
    }
    const projectId = this.#progress.projectId ?? (await this.#makeProject());
    if (this.#progress.llmKeyId === undefined) await this.#makeLlmKey(projectId);
    for (const name of gateways.filter((one) => !this.#progress.enrolled.includes(one))) {
      report(`enrolling gateway ${name}`);
      await this.#makeEnrolmentToken(name, replicas);
    }
  }

  /** Notes that the gateways are in, and makes the demo key: it works everywhere at the moment it is shown. */
  async afterGateways(gateways: readonly string[], report: (line: string) => void): Promise<void> {
    this.#note({ enrolled: [...new Set([...this.#progress.enrolled, ...gateways])], tokens: {} });
    if (this.#progress.demoKey === undefined) {
      report("making the demo key");
      await this.#makeDemoKey();
    }
    const credentials = this.credentials();
    if (credentials === null) throw new LocalStackError("the demo is not complete");
    writeJsonFile(this.#credentialsFile, credentials);
  }

  #requireSamePorts(home: string): void {
    const before = this.#progress.portBase;
    if (before === undefined || before === this.#portBase) return;
    throw new LocalStackError(
      `${home} was set up with CLAVIGER_PORT_BASE=${before}, and its gateways keep those addresses. ` +
        "Start it with that, or another system with another CLAVIGER_HOME, or begin anew with --reset.",
    );
  }

  async #makeOrganization(): Promise<void> {
    const { adminPassword, operatorToken } = this.#secrets;
    const credentials = { email: ADMIN_EMAIL, password: adminPassword };
    const signIn = () =>
      callApi(this.#baseUrl, {}, "POST", "/sessions", bodyOf("session", credentials), [401]);
    let session = await signIn();
    if (session.status === 401) {
      const attributes = { name: ORGANIZATION, adminEmail: ADMIN_EMAIL, adminName: "Admin", adminPassword };
      const operator = { authorization: `Bearer ${operatorToken}` };
      await callApi(this.#baseUrl, operator, "POST", "/organizations", bodyOf("organization", attributes));
      session = await signIn();
    }
    if (session.cookie === null) throw new LocalStackError(`${ADMIN_EMAIL} cannot sign in`);
    const proof: Proof = { cookie: session.cookie };
    const organization = await callApi(this.#baseUrl, proof, "GET", "/organization");
    await this.#removeLostTokens(proof);
    const body = bodyOf("personal-access-token", { name: TOKEN });
    const token = await callApi(this.#baseUrl, proof, "POST", "/personal-access-tokens", body);
    this.#note({
      organizationId: idOf(organization, "the organization"),
      adminToken: secretOf(token, TOKEN),
    });
  }

  /** A token whose secret a killed start never wrote down is of no use to anybody. */
  async #removeLostTokens(proof: Proof): Promise<void> {
    const tokens = await callApi(this.#baseUrl, proof, "GET", "/personal-access-tokens");
    for (const token of tokens.resources.filter((one) => one.attributes.name === TOKEN)) {
      await callApi(this.#baseUrl, proof, "DELETE", `/personal-access-tokens/${token.id}`);
    }
  }

  async #makeProject(): Promise<string> {
    const found = (await this.#asAdmin("GET", "/projects")).resources.find(
      (project) => project.attributes.name === PROJECT,
    );
    const projectId =
      found?.id ??
      idOf(await this.#asAdmin("POST", "/projects", bodyOf("project", { name: PROJECT })), "the project");
    this.#note({ projectId });
    return projectId;
  }

  async #makeLlmKey(projectId: string): Promise<void> {
    const path = `/projects/${projectId}/llm-api-keys`;
    const found = (await this.#asAdmin("GET", path)).resources.find(
      (key) => key.attributes.provider === "sandbox",
    );
    const attributes = {
      provider: "sandbox",
      secretKey: "sandbox-needs-no-secret",
      baseUrl: this.#sandboxUrl,
    };
    const llmKeyId =
      found?.id ??
      idOf(await this.#asAdmin("POST", path, bodyOf("llm-api-key", attributes)), "the LLM API key");
    this.#note({ llmKeyId });
  }

  async #makeEnrolmentToken(name: string, replicas: number): Promise<void> {
    const held = this.#progress.tokens[name];
    if (held !== undefined && Date.now() - held.issuedAtMs < TOKEN_MS) return;
    const region = name.replace(/-\d+$/, "");
    const issuedAtMs = Date.now();
    const answer = await this.#asAdmin("POST", "/gateways/enrolment-tokens", { name, region, replicas });
    const secret = secretOf(answer, "the enrolment token");
    this.#note({ tokens: { ...this.#progress.tokens, [name]: { secret, issuedAtMs } } });
  }

  async #makeDemoKey(): Promise<void> {
    const path = `/projects/${this.#progress.projectId}/api-keys`;
    const found = (await this.#asAdmin("GET", path)).resources.find(
      (key) => key.attributes.name === DEMO_KEY,
    );
    // Its secret was shown to a start that was killed: only a new one can be learnt.
    const answer =
      found === undefined
        ? await this.#asAdmin("POST", path, bodyOf("api-key", { name: DEMO_KEY }))
        : await this.#asAdmin("POST", `/api-keys/${found.id}/rotate`, {});
    this.#note({ demoKey: secretOf(answer, "the demo key") });
  }

  #asAdmin(method: "GET" | "POST", path: string, body?: unknown): Promise<Answer> {
    return callApi(
      this.#baseUrl,
      { authorization: `Bearer ${this.#progress.adminToken}` },
      method,
      path,
      body,
    );
  }

  #note(step: Partial<Progress>): void {
    this.#progress = { ...this.#progress, ...step };
    writeJsonFile(this.#file, this.#progress);
  }
}

function bodyOf(type: string, attributes: Record<string, unknown>): unknown {
  return { data: { type, attributes } };
}
