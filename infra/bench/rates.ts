/** `npm run bench -- rates`: what limits cost a request on the gateway, and what a million keys leave behind. */
import { createLimits } from "../../gateway/src/spend/limits.ts";

const TAKES = 2_000_000;
const KEYS = 1_000_000;

/** Moved by hand where time has to pass. */
let shiftMs = 0;
const clock = {
  monoMs: () => performance.now() + shiftMs,
  wallMs: () => Date.now() + shiftMs,
};
const limits = createLimits({ clock, replicas: () => 1 });
const none = { tokensPerMinute: null, maxConcurrency: null } as const;

time("a key without limits", TAKES, () => {
  const who = { keyId: "free", requestsPerMinute: null, ...none };
  if (limits.ready(who) === undefined && limits.enter(who) && limits.takeRate(who, 10).ok) limits.leave(who);
});
time("requests, tokens and places, with headers", TAKES, () => {
  const who = { keyId: "k", requestsPerMinute: 1e12, tokensPerMinute: 1e12, maxConcurrency: 10 };
  if (limits.ready(who) === undefined && limits.enter(who) && limits.takeRate(who, 10).ok) limits.leave(who);
});
time("refused", TAKES, () => {
  limits.takeRate({ keyId: "dry", requestsPerMinute: 0, ...none }, 10);
});

const before = heapMb();
for (let n = 0; n < KEYS; n++) limits.takeRate({ keyId: `key_${n}`, requestsPerMinute: 60, ...none }, 1);
const held = heapMb();
shiftMs += 120_000;
let longestMs = 0;
for (let n = 0; n < 110; n++) {
  const begin = performance.now();
  limits.tick();
  longestMs = Math.max(longestMs, performance.now() - begin);
}
console.log(
  `${KEYS} keys: ${held - before} MB while in use, ${heapMb() - before} MB after they were forgotten; ${longestMs.toFixed(1)} ms was the longest sweep`,
);

function time(what: string, n: number, run: () => void): void {
  for (let i = 0; i < n / 10; i++) run();
  // Of the processor, not of the clock: the machine may be busy.
  const begin = process.cpuUsage();
  for (let i = 0; i < n; i++) run();
  const { user, system } = process.cpuUsage(begin);
  console.log(`${what}: ${(((user + system) * 1_000) / n).toFixed(0)} ns`);
}

function heapMb(): number {
  globalThis.gc?.();
  return Math.round(process.memoryUsage().heapUsed / 1_048_576);
}
