/**
 * I17 on a real nats-server with the accounts as this control plane makes them: every pair of somebody with credentials
 * and somebody else, over every subject of `wire/subjects.ts`, to hear, to say, to ask and to import. Each wall is also
 * taken down, to see that these attacks would get through.
 */
import { GENESIS_CHAIN } from "@claviger/shared/wire/scalars";
import { controlSubjects, replicaSubjects } from "@claviger/shared/wire/subjects";
import { jwtAuthenticator, type NatsConnection } from "@nats-io/nats-core";
import { createUser } from "@nats-io/nkeys";
import { connect } from "@nats-io/transport-node";
import { eq } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { orgAccount } from "../db/tables/org-account.ts";
import { controlPlaneAccountJwt, ownUserJwt } from "./nats-jwt.ts";
import { type Nkey, nkeyOf } from "./nkey.ts";
import { altered, type Claims } from "./testing/altered-jwt.ts";
import { attack, foreignSubjects, type Leaks, mayHear, type Scene } from "./testing/bus-attack.ts";
import { startCluster, type TestCluster, type TestProcess } from "./testing/control-plane.ts";
import { type FakeReplica, startFakeReplica } from "./testing/fake-replica.ts";
import { createTestOrganization } from "./testing/organization.ts";
import { controlCatalogue, replicaCatalogue, widened } from "./testing/subject-catalogue.ts";

interface Organization {
  orgId: string;
  account: string;
  jwt: string;
  /** Private halves, which no gateway ever sees. */
  accountKey: Nkey;
  signingKey: Nkey;
}

let cluster: TestCluster;
let cp: TestProcess;
let a: Organization;
let b: Organization;
let a1: FakeReplica;
let a2: FakeReplica;
let b1: FakeReplica;
let controlPlane: NatsConnection;
let scene: Scene;
const opened: NatsConnection[] = [];

beforeAll(async () => {
  cluster = await startCluster();
  cp = await cluster.start();
  a = await organization();
  b = await organization();
  a1 = await startFakeReplica(cp.ports, a.orgId, "a-1");
  a2 = await startFakeReplica(cp.ports, a.orgId, "a-2");
  b1 = await startFakeReplica(cp.ports, b.orgId, "b-1");
  controlPlane = await userOf(cp.keys.controlPlane);
  const victims = [
    { account: a.account, replica: a2.id, fake: a2 },
    { account: b.account, replica: b1.id, fake: b1 },
  ];
  scene = { me: { account: a.account, replica: a1.id }, victims, controlPlane };
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((connection) => connection.close()));
});
afterAll(async () => {
  await controlPlane?.close();
  await Promise.all([a1, a2, b1].map((replica) => replica?.close()));
  await cluster?.stop();
});

async function organization(): Promise<Organization> {
  const { orgId } = await createTestOrganization(cp.ports);
  const [row] = await cp.ports.db.select().from(orgAccount).where(eq(orgAccount.orgId, orgId));
  if (row === undefined) throw new Error("no account");
  const open = async (seed: Uint8Array, what: string) =>
    nkeyOf("account", await cp.ports.vault.unwrap(seed, `org_account|${orgId}|${what}`));
  const accountKey = await open(row.accountSeed, "account");
  const signingKey = await open(row.signingSeed, "signing");
  return { orgId, account: row.account, jwt: row.jwt, accountKey, signingKey };
}

function opening(jwt: string, seed: Uint8Array, name: string): Promise<NatsConnection> {
  const authenticator = jwtAuthenticator(jwt, seed);
  return connect({
    servers: cluster.nats.url,
    authenticator,
    inboxPrefix: `_INBOX.${name}`,
    reconnect: false,
  });
}

/** A user of the account itself, without any template. */
async function userOf(account: Nkey, name = "anybody"): Promise<NatsConnection> {
  const user = createUser();
  const iat = Math.floor(Date.now() / 1000);
  return opening(ownUserJwt(account, user.getPublicKey(), name, iat), user.getSeed(), name);
}

/** Another connection with the first replica's own credentials. */
async function asFirstReplica(): Promise<NatsConnection> {
  const connection = await opening(a1.answer.natsJwt, a1.user.seed, a1.id);
  opened.push(connection);
  return connection;
}

const bySomebodyElse = ({ heard, spoken, answered }: Leaks) => ({ heard, spoken, answered });
const NOTHING = { heard: new Set(), spoken: new Set(), answered: [] };

test("the catalogue is every subject that there is, with every name filled in", () => {
  const party = { account: "ACC", replica: "rep" };
  expect(replicaCatalogue(party)).toHaveLength(Object.keys(replicaSubjects).length);
  expect(controlCatalogue(party)).toHaveLength(Object.keys(controlSubjects).length);
  for (const subject of [...replicaCatalogue(party), ...controlCatalogue(party)]) {
    expect(subject).toMatch(/^(dn|up)(\.[A-Za-z0-9]+)+$/);
  }
  expect(widened("a.b.c")).toEqual(["a.b.c", "*.b.c", "a.*.c", "a.b.*", ">", "a.>", "a.b.>", "*.*.*"]);
});

let byAReplica: Promise<Leaks> | undefined;

test.each(["heard", "spoken", "answered"] as const)(
  "I17: by a replica's credentials nothing of another organization or replica is %s",
  async (what) => {
    byAReplica ??= asFirstReplica().then((connection) => attack(connection, scene));
    expect((await byAReplica)[what]).toEqual(NOTHING[what]);
  },
);

test("a replica's credentials hear, say and are answered nothing of another organization or replica (I17)", async () => {
  const leaks = await attack(await asFirstReplica(), scene);
  expect(bySomebodyElse(leaks)).toEqual(NOTHING);
  const silentTo = (subjects: readonly string[], refused: ReadonlySet<string>) =>
    subjects.filter((subject) => !refused.has(subject));
  const said = foreignSubjects(scene);
  const heard = said.flatMap(widened).filter((subject) => !mayHear(scene.me, subject));
  expect(silentTo(said, leaks.refusedToSay), "each was refused by the server").toEqual([]);
  expect(silentTo(heard, leaks.refusedToHear), "each was refused by the server").toEqual([]);
  expect(new Set(heard).size).toBeGreaterThan(150);
});

/** The first replica, while its account is this one. */
async function attackUnder(accountJwt: string): Promise<Leaks> {
  await cp.accounts.update(accountJwt);
  const leaks = await attack(await asFirstReplica(), scene);
  await cp.accounts.update(a.jwt);
  return leaks;
}

function openTemplate({ nats }: Claims): void {
  const [signing] = nats.signing_keys ?? [];
  if (signing === undefined) throw new Error("no template");
  signing.template.pub.allow = [">"];
  signing.template.sub.allow = [">"];
}

test("control: with wildcards in the signing key's template its neighbours leak, other organizations do not", async () => {
  const open = altered(a.jwt, cp.keys.operator, openTemplate);
  const { heard, spoken, answered } = await attackUnder(open);
  const upward = controlCatalogue({ account: a.account, replica: a2.id }).filter((s) => s.startsWith("up."));
  for (const subject of upward) expect(spoken, subject).toContain(subject);
  for (const subject of ["dn.d", `dn.gw.${a2.id}`]) expect(spoken, subject).toContain(subject);
  for (const subject of [">", `dn.gw.${a2.id}`, `dn.gw.*`]) expect(heard, subject).toContain(subject);
  expect(answered.length).toBeGreaterThan(0);
  const foreign = [...spoken, ...heard].filter(
    (subject) => subject.includes(b1.id) || subject.includes(b.account),
  );
  expect(foreign.filter((subject) => !subject.includes(a.account))).toEqual([]);
});

/** An account JWT with an import of everything that is the other organization's, each under `evil.`. */
function withForeignImports({ nats }: Claims): void {
  const from = { account: cp.keys.controlPlane.publicKey };
  const theirs = controlCatalogue({ account: b.account, replica: b1.id });
  const tails = [`dn.${b.account}.>`, `up.${b.account}.>`];
  const imports = [...theirs, ...tails].map((subject, i) => ({
    ...from,
    name: `evil-${i}`,
    subject,
    type: subject.startsWith("dn.") ? "stream" : "service",
    local_subject: i < theirs.length ? `evil.${subject}` : `wide.${subject}`,
  }));
  nats.imports = [...(nats.imports ?? []), ...imports];
  nats.limits = { ...nats.limits, imports: -1, exports: -1 };
}

/** By a user of organization A's account that no template binds, after the account was given those imports. */
async function attackThroughImports(): Promise<Leaks> {
  await cp.accounts.update(altered(a.jwt, cp.keys.operator, withForeignImports));
  const user = await userOf(a.accountKey, a1.id);
  opened.push(user);
  const victims = scene.victims.filter(({ account }) => account === b.account);
  const leaks = await attack(user, { ...scene, victims }, "evil.");
  await cp.accounts.update(a.jwt);
  return leaks;
}

let throughImports: Promise<Leaks> | undefined;

test.each(["heard", "spoken", "answered"] as const)(
  "I17: by an import of another organization nothing is %s, even from an account JWT that the operator signed",
  async (what) => {
    throughImports ??= attackThroughImports();
    expect((await throughImports)[what]).toEqual(NOTHING[what]);
  },
);

test("control: without account_token_position everything imported leaks, both ways", async () => {
  const iat = Math.floor(Date.now() / 1000);
  const closed = controlPlaneAccountJwt(cp.keys.operator, cp.keys.controlPlane.publicKey, iat);
  const open = altered(closed, cp.keys.operator, ({ nats }) => {
    for (const exported of nats.exports ?? []) delete exported.account_token_position;
  });
  await cp.accounts.update(open);
  const { heard, spoken, answered } = await attackThroughImports();
  await cp.accounts.update(closed);
  for (const subject of controlCatalogue({ account: b.account, replica: b1.id })) {
    const leaked = subject.startsWith("dn.") ? heard : spoken;
    expect(leaked, subject).toContain(subject);
  }
  expect(answered.length).toBeGreaterThan(0);
});

test("what an organization's own keys sign gives nobody more than its template, and no other account", async () => {
  const everything = { allow: [">"] };
  const minted: Record<string, string> = {
    "a user with rights of its own, by the scoped key": altered(
      a1.answer.natsJwt,
      a.signingKey,
      ({ nats }) => {
        nats.pub = everything;
        nats.sub = everything;
      },
    ),
    "a user of another account, by the scoped key": altered(a1.answer.natsJwt, a.signingKey, ({ nats }) => {
      nats.issuer_account = b.account;
    }),
    "a user of another account, by the account's key": altered(
      a1.answer.natsJwt,
      a.accountKey,
      ({ nats }) => {
        nats.issuer_account = b.account;
      },
    ),
    "a user by the replica's own key": altered(
      a1.answer.natsJwt,
      { publicKey: a1.user.publicKey, sign: () => new Uint8Array(64) },
      () => undefined,
    ),
  };
  for (const [what, jwt] of Object.entries(minted)) {
    await expect(opening(jwt, a1.user.seed, a1.id), what).rejects.toThrow(/Authorization/i);
  }
});

test("an account JWT that is not the operator's is not in force, whoever pushed it", async () => {
  for (const key of [a.accountKey, a.signingKey, b.accountKey]) {
    const leaks = await attackUnder(altered(a.jwt, key, openTemplate));
    expect(bySomebodyElse(leaks)).toEqual(NOTHING);
  }
});

test("an answer that is sent on to somebody else's subject speaks for nobody, and stays inside the organization", async () => {
  const attacker = await asFirstReplica();
  const heard: string[] = [];
  const hear = (connection: NatsConnection, subject: string) =>
    connection.subscribe(subject, {
      callback: (_error, message) => {
        heard.push(message.subject);
      },
    });
  const ears = [
    hear(controlPlane, "up.>"),
    ...[replicaSubjects.deltas, replicaSubjects.own(b1.id), `_INBOX.${b1.id}.x`].map((subject) =>
      hear(b1.connection, subject),
    ),
  ];
  await Promise.all([controlPlane.flush(), b1.connection.flush()]);
  const request = JSON.stringify({ v: 1, epoch: 0, from: 0, chain: GENESIS_CHAIN });
  for (const subject of foreignSubjects(scene)) {
    attacker.publish(replicaSubjects.sync(a1.id), request, { reply: subject });
  }
  await attacker.request(replicaSubjects.sync(a1.id), request, { timeout: 10_000 });
  await Promise.all([a2.beat(), b1.beat()]);
  for (const subscription of ears) subscription.unsubscribe();
  const others = heard.filter((subject) => !subject.startsWith(`up.${a.account}.${a1.id}.`));
  const beats = [`up.${a.account}.${a2.id}.hb`, `up.${b.account}.${b1.id}.hb`];
  expect(others.sort()).toEqual(beats.sort());
});
