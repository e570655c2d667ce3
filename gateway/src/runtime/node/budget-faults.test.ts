/** Throw, abort, time out at every wait of the spend path: what was set aside is free again, and what is enforced is what was written down. */
import { emptyEscrow } from "@claviger/shared/escrow/replica-state";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Vault } from "../../ports.ts";
import type { Ledger, Reserve } from "../../rooms.ts";
import { Escrow } from "../../spend/escrow.ts";
import { createReserve } from "../../spend/reserve.ts";
import { ORG, TestBank, TestJournal, verifyNothing } from "../../spend/testing/bank.ts";
import {
  call,
  jsonHeaders,
  type Provider,
  startGateway,
  startProvider,
  systemClock,
  type TestGateway,
} from "./testing/rig.ts";

const BUDGET = "bud_000000000001";
const LIMIT = 1_000_000_000n;
const PRICE = {
  rev: 4,
  price: { input: 1_000_000_000n, cacheRead: null, cacheWrite: null, output: 2_000_000_000n },
};
const WAIT = { timeout: 20_000, interval: 10 };
const log = { debug() {}, info() {}, warn() {}, error() {} };
const USAGE = { prompt_tokens: 10, completion_tokens: 5 };
const ANSWER = JSON.stringify({ choices: [{ message: { content: "hi" } }], usage: USAGE });

let provider: Provider;
let gateway: TestGateway;
let secret: string;
let bank: TestBank;
let journal: TestJournal;
let escrow: Escrow;
let spent = 0n;
/** What becomes of the next request at the provider, and of the wait for its credential. */
let behave: Parameters<typeof startProvider>[0];
let credential: Vault["credentialFor"];

beforeAll(async () => {
  provider = await startProvider((...all) => behave(...all));
  bank = new TestBank({ [BUDGET]: LIMIT });
  journal = new TestJournal();
  const state = emptyEscrow({ replica: "rep_000000000001", boot: "1.aaaaaaaaa" });
  escrow = new Escrow({
    ...{ org: ORG, state, journal, verify: verifyNothing, clock: systemClock, speak: () => undefined, log },
    courier: { ask: (body) => bank.ask(body) },
  });
  const settled: Pick<Ledger, "open" | "withdraw" | "settle" | "refused"> = {
    open: async () => true,
    withdraw: () => undefined,
    refused: () => undefined,
    settle({ spent: said }) {
      bank.count(journal.seq, said ?? {});
      spent += BigInt(said?.cost ?? 0);
    },
  };
  let reserve: Reserve | undefined;
  gateway = await startGateway(
    provider,
    {},
    {
      ledger: settled,
      vault: { credentialFor: (record) => credential(record) },
      reserve: (...asked) => {
        if (reserve === undefined) throw new Error("not composed yet");
        return reserve(...asked);
      },
    },
  );
  const model = { price: PRICE, contextWindow: 8_000, outputTokensMax: 4_000 };
  const view = { ...gateway.table.view, policy: () => gateway.table.policy, priceOf: () => model };
  reserve = createReserve({ view, escrow, monoMs: systemClock.monoMs });
});
afterAll(async () => {
  escrow.close();
  await gateway.stop();
  await provider.stop();
});

const ok: typeof behave = (_, outgoing) => {
  outgoing.writeHead(200, { "content-type": "application/json" }).end(ANSWER);
};

function ask(signal?: AbortSignal) {
  const body = JSON.stringify({
    model: "sandbox/echo",
    max_tokens: 20,
    messages: [{ role: "user", content: "x" }],
  });
  const url = `${gateway.url}/v1/chat/completions`;
  if (signal === undefined)
    return call(url, { headers: jsonHeaders(secret), body }).then(({ status }) => status);
  return fetch(url, { method: "POST", headers: jsonHeaders(secret), body, signal }).then(
    ({ status }) => status,
    () => 0,
  );
}

interface Case {
  readonly name: string;
  readonly status: number;
  readonly begin?: () => void;
  readonly signal?: () => AbortSignal;
  readonly behave?: typeof behave;
  readonly credential?: typeof credential;
  /** What the request is charged; undefined: its whole bound; either: nothing, when it is known in time that nobody waits. */
  readonly cost?: bigint | "either";
}

const COST = 20_000n;
const gone = () => AbortSignal.timeout(150);
const revoke = () => {
  for (const id of gateway.table.keys.keys()) gateway.table.edit(id, { status: "revoked" });
};

const cases: Case[] = [
  { name: "nothing", status: 200, cost: COST },
  {
    name: "the credential cannot be had",
    status: 500,
    credential: async () => Promise.reject(new Error("no")),
    cost: 0n,
  },
  {
    name: "no way to the control plane",
    status: 503,
    begin: () => (bank.onAsk = () => Promise.reject(new Error("no"))),
    cost: 0n,
  },
  {
    name: "a control plane that never answers",
    status: 503,
    begin: () => (bank.onAsk = () => new Promise(() => undefined)),
    cost: 0n,
  },
  {
    name: "a caller who leaves while money is asked for",
    status: 0,
    signal: gone,
    begin: () => (bank.onAsk = () => new Promise(() => undefined)),
    cost: 0n,
  },
  { name: "a disk that takes nothing", status: 503, begin: () => (journal.stuck = true), cost: 0n },
  { name: "a disk that is full already", status: 503, begin: () => (journal.full = true), cost: 0n },
  {
    name: "a caller who leaves while the disk is waited for",
    status: 0,
    signal: gone,
    begin: () => (journal.stuck = true),
    cost: "either",
  },
  {
    name: "a key that is revoked while money is asked for",
    status: 401,
    begin: () => (bank.onAsk = async () => revoke()),
    cost: 0n,
  },
  {
    name: "a provider that refuses",
    status: 502,
    behave: (_, outgoing) => void outgoing.writeHead(500).end("{}"),
    cost: 0n,
  },
  {
    name: "a provider that breaks off before its answer",
    status: 502,
    behave: (incoming) => void incoming.socket.destroy(),
  },
  {
    name: "a provider that breaks off inside its answer",
    status: 200,
    behave(incoming, outgoing) {
      outgoing
        .writeHead(200, { "content-type": "application/json", "content-length": "5000" })
        .write('{"a":');
      setTimeout(() => incoming.socket.destroy(), 50);
    },
  },
  { name: "a caller who leaves before the answer", status: 0, signal: gone, behave: () => undefined },
  {
    name: "an answer without usage",
    status: 200,
    behave: (_, outgoing) =>
      void outgoing.writeHead(200, { "content-type": "application/json" }).end('{"a":1}'),
  },
];

test.each(cases)(
  "$name: open reservations return to zero, and enforced is what was written down",
  async (each) => {
    secret = gateway.table.addKey({ budgetId: BUDGET }).secret;
    behave = each.behave ?? ok;
    credential = each.credential ?? (async () => "sk");
    // What an earlier case has left here would spare the question for money.
    const report = escrow.vitals().escrow;
    if (report === undefined) throw new Error("nothing is said of budgets");
    await escrow.take({ ...bank.answer(report, "1.aaaaaaaaa"), recall: [...bank.slices.keys()] });
    const before = spent;
    each.begin?.();
    expect(await ask(each.signal?.())).toBe(each.status);
    bank.onAsk = () => undefined;
    journal.full = false;
    journal.stuck = false;
    journal.flush();
    await vi.waitFor(
      () => expect([escrow.open, escrow.waiting, gateway.gateway.inflight()]).toEqual([0, 0, 0]),
      WAIT,
    );
    expect(bank.row(BUDGET).spent).toBe(spent);
    if (each.cost === "either") return;
    if (each.cost !== undefined) expect(spent - before).toBe(each.cost);
    else expect(spent - before).toBeGreaterThan(COST);
  },
);

test("all that is held comes back in the end, and what is left of the budget is what was not spent", async () => {
  for (let round = 0; round < 3; round++) {
    const report = escrow.vitals().escrow;
    if (report === undefined) throw new Error("nothing is said of budgets");
    await escrow.take({ ...bank.answer(report, "1.aaaaaaaaa"), recall: [...bank.slices.keys()] });
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(bank.row(BUDGET)).toMatchObject({ spent, open: 0n });
});
