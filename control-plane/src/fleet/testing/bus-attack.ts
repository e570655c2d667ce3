/**
 * What somebody with a bus connection tries against others, on every subject there is, and what comes of it. Nothing here
 * waits for time to pass: each silence is proved by a later message on the same way.
 */
import { GENESIS_CHAIN } from "@claviger/shared/wire/scalars";
import { controlSubjects, replicaSubjects } from "@claviger/shared/wire/subjects";
import { type NatsConnection, PermissionViolationError } from "@nats-io/nats-core";
import type { FakeReplica } from "./fake-replica.ts";
import {
  controlCatalogue,
  innerSubjects,
  type Party,
  replicaCatalogue,
  widened,
} from "./subject-catalogue.ts";

export interface Leaks {
  /** `<subscription>`: it brought something that was meant for somebody else. */
  readonly heard: ReadonlySet<string>;
  /** Subjects, as who got the message saw them, under which the attacker passed for somebody else. */
  readonly spoken: ReadonlySet<string>;
  /** What a request that passed for somebody else's was answered. */
  readonly answered: readonly string[];
  readonly refusedToHear: ReadonlySet<string>;
  readonly refusedToSay: ReadonlySet<string>;
}

export interface Scene {
  readonly me: Party;
  /** Whose things are tried; they use their own while it lasts. */
  readonly victims: readonly (Party & { readonly fake: FakeReplica })[];
  /** A connection of the control plane's account, which hears everything and may say everything. */
  readonly controlPlane: NatsConnection;
}

const MARK = "said by the attacker";
const SECRET = "meant for somebody else";

/** One body that is a heartbeat, a request to sync, and a request for a page. */
const BODY = JSON.stringify({
  v: 1,
  replica: "rep_000000000000",
  boot: "1.AAAAAAAAAAAA",
  nonce: "attack-nonce",
  software: MARK,
  runtime: "node",
  wallMs: 0,
  epoch: 0,
  from: 0,
  revApplied: 0,
  revEffective: 0,
  chain: GENESIS_CHAIN,
  sha256: GENESIS_CHAIN,
  usage: { nextSeq: 1 },
  audit: { n: 0, head: GENESIS_CHAIN },
  inflight: 0,
  requestsPerSecond: 0,
  aborted: [],
  clockOffsetMs: null,
  clockErrorMs: null,
});

/** What a replica may hear by PROTOCOL §2.2, and nothing else. */
export function mayHear(me: Party, subject: string): boolean {
  const own = [replicaSubjects.deltas, replicaSubjects.own(me.replica)];
  return own.includes(subject) || subject.startsWith(`_INBOX.${me.replica}.`);
}

/** Every subject of the others, of the server, and of the control plane's account; some of them may be heard. */
export function foreignSubjects({ me, victims }: Pick<Scene, "me" | "victims">): string[] {
  const theirs = victims.flatMap((victim) => [
    ...replicaCatalogue(victim),
    ...controlCatalogue(victim),
    ...innerSubjects(victim),
  ]);
  return [...new Set([...theirs, ...controlCatalogue(me), replicaSubjects.own(me.replica)])];
}

/** Tries everything; `via` is put before each subject, as an import would have it. */
export async function attack(attacker: NatsConnection, scene: Scene, via = ""): Promise<Leaks> {
  const foreign = foreignSubjects(scene);
  const refusals = watchRefusals(attacker);
  const heard = await listen(attacker, scene, [...new Set(foreign.flatMap(widened))], via);
  const { spoken, answered } = await speak(attacker, scene, foreign, via);
  return { heard, spoken, answered, ...refusals };
}

/** Subscribes to all of it while the others are busy. */
async function listen(
  attacker: NatsConnection,
  { me, victims, controlPlane }: Scene,
  subjects: readonly string[],
  via: string,
): Promise<Set<string>> {
  const heard = new Set<string>();
  const subscriptions = subjects
    .filter((subject) => !mayHear(me, subject))
    .map((subject) =>
      attacker.subscribe(`${via}${subject}`, {
        callback: (error, message) => {
          const mine = message?.subject === replicaSubjects.own(me.replica);
          if (error === null && !mine) heard.add(subject);
        },
      }),
    );
  const marker = once(attacker, replicaSubjects.own(me.replica));
  await attacker.flush();
  for (const victim of victims) {
    for (const subject of replicaCatalogue(victim)) victim.fake.connection.publish(subject, SECRET);
    await victim.fake.beat();
    for (const subject of controlCatalogue(victim).filter((each) => each.startsWith("dn."))) {
      controlPlane.publish(subject, SECRET);
    }
  }
  controlPlane.publish(controlSubjects.own(me.account, me.replica), "marker");
  await marker;
  await attacker.flush();
  for (const subscription of subscriptions) if (!subscription.isClosed()) subscription.unsubscribe();
  return heard;
}

/** Publishes to all of it and asks for answers. */
async function speak(
  attacker: NatsConnection,
  { me, victims, controlPlane }: Scene,
  subjects: readonly string[],
  via: string,
): Promise<{ spoken: Set<string>; answered: string[] }> {
  const spoken = new Set<string>();
  const answered: string[] = [];
  const inbox = `_INBOX.${me.replica}.attack`;
  const own = `up.${me.account}.${me.replica}.`;
  const ears = [controlPlane, ...victims.map(({ fake }) => fake.connection)].map((connection, i) => {
    const victim = victims[i - 1];
    const wanted = victim ? ["dn.d", `dn.gw.${victim.replica}`, `_INBOX.${victim.replica}.>`] : [">"];
    return wanted.map((subject) =>
      connection.subscribe(subject, {
        callback: (_error, message) => {
          const ofMe = victim === undefined && message.subject.startsWith(own);
          if (message.string().includes(MARK) && !ofMe) spoken.add(message.subject);
        },
      }),
    );
  });
  const answers = attacker.subscribe(inbox, {
    callback: (_error, message) => {
      // No responders: what the server says when nobody is there.
      if (message.headers?.code !== 503) answered.push(message.string());
    },
  });
  const marker = once(controlPlane, `${own}ans.cp.marker`);
  await Promise.all(
    [controlPlane, attacker, ...victims.map(({ fake }) => fake.connection)].map((c) => c.flush()),
  );
  for (const subject of subjects) attacker.publish(`${via}${subject}`, BODY, { reply: inbox });
  attacker.publish(replicaSubjects.answer(me.replica, "cp", "marker"), "marker");
  await marker;
  // Whatever was to be answered has been: the control plane takes the requests of a connection in their order.
  await attacker.request(replicaSubjects.sync(me.replica), BODY, { timeout: 10_000 });
  await Promise.all(victims.map(({ fake }) => fake.beat()));
  for (const subscription of [answers, ...ears.flat()]) subscription.unsubscribe();
  return { spoken, answered };
}

function once(connection: NatsConnection, subject: string): Promise<void> {
  return new Promise((resolve) => {
    connection.subscribe(subject, { max: 1, callback: () => resolve() });
  });
}

/** Every refusal has arrived when a round trip is done. */
function watchRefusals(connection: NatsConnection): Pick<Leaks, "refusedToHear" | "refusedToSay"> {
  const refusals = { refusedToHear: new Set<string>(), refusedToSay: new Set<string>() };
  void (async () => {
    for await (const event of connection.status()) {
      if (event.type !== "error" || !(event.error instanceof PermissionViolationError)) continue;
      const { operation, subject } = event.error;
      (operation === "publish" ? refusals.refusedToSay : refusals.refusedToHear).add(subject);
    }
  })();
  return refusals;
}
