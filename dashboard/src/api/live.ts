/**
 * What happens, as the control plane tells it (`GET /events`). The bargain: while it is heard nothing is polled; when it
 * falls silent pages say so and ask by themselves; when it comes back it goes on where it was lost.
 */
import { type LiveEventName, type LiveEvents, SILENT_MS_MAX } from "@claviger/shared/api/event";
import type { QueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { keepActors } from "./heard.ts";
import { nounsOf } from "./moved.ts";

export interface LiveState {
  /** `off`: nothing was heard yet. */
  readonly state: "off" | "live" | "lost";
  /** When something was heard last. */
  readonly heardAtMs: number;
}

let present: LiveState = { state: "off", heardAtMs: 0 };
const listeners = new Set<() => void>();

function set(state: LiveState["state"]): void {
  const changed = state !== present.state;
  present = { state, heardAtMs: state === "live" ? Date.now() : present.heardAtMs };
  if (changed) for (const listener of [...listeners]) listener();
}

/** False once the stream is lost; before it is heard at all it is believed in. */
export function isLive(): boolean {
  return present.state !== "lost";
}

export function useLive(): LiveState["state"] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => present.state,
  );
}

/** When the stream was last heard. */
export function heardAtMs(): number {
  return present.heardAtMs;
}

const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 8_000;
/** A tab that nobody looks at gives its connection back after this long: a browser has six for all its tabs. */
const HIDDEN_MS = 20_000;

let muted = false;

/** As if the stream had been lost a minute ago and did not come back, or had never been there (`trial/rehearse.ts`). */
export function muteLive(lost: boolean): void {
  muted = true;
  present = { state: lost ? "lost" : "off", heardAtMs: Date.now() - 60_000 };
}

/** Listens for as long as a page is shown; what is heard goes into the cache. Returns the way to stop. */
export function startLive(client: QueryClient): () => void {
  if (muted) return () => undefined;
  let stream: EventSource | undefined;
  let lastId = "";
  let retryMs = RETRY_MS_MIN;
  let timer = 0;
  let silence = 0;
  const close = () => {
    stream?.close();
    stream = undefined;
    clearTimeout(timer);
    clearTimeout(silence);
  };
  const lose = () => {
    close();
    if (present.state !== "lost") {
      set("lost");
      // Whoever polls while nothing is told begins with this.
      void client.invalidateQueries({ predicate: isMoving });
    }
    timer = window.setTimeout(open, retryMs);
    retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
  };
  const hear = (event: MessageEvent<string>) => {
    lastId = event.lastEventId;
    retryMs = RETRY_MS_MIN;
    clearTimeout(silence);
    silence = window.setTimeout(lose, SILENT_MS_MAX);
    const wasLost = present.state === "lost";
    set("live");
    if (wasLost) void client.invalidateQueries({ predicate: isMoving });
    take(client, event.type as LiveEventName, event.data);
  };
  function open(): void {
    close();
    if (document.hidden) return;
    stream = new EventSource(`/api/v1/events${lastId === "" ? "" : `?after=${encodeURIComponent(lastId)}`}`);
    for (const name of Object.keys(takers)) stream.addEventListener(name, hear);
    stream.addEventListener("error", lose);
    silence = window.setTimeout(lose, SILENT_MS_MAX);
  }
  let hidden = 0;
  const look = () => {
    clearTimeout(hidden);
    if (document.hidden) hidden = window.setTimeout(close, HIDDEN_MS);
    else if (stream === undefined) open();
  };
  document.addEventListener("visibilitychange", look);
  open();
  return () => {
    document.removeEventListener("visibilitychange", look);
    clearTimeout(hidden);
    close();
    set("off");
  };
}

/** Nouns whose lists move by themselves. */
const moving: readonly unknown[] = ["gateways", "api-keys", "agents", "notifications"];
const isMoving = ({ queryKey }: { queryKey: readonly unknown[] }) => moving.includes(queryKey[0]);

type Takers = { readonly [Name in LiveEventName]: (client: QueryClient, data: LiveEvents[Name]) => void };

const takers: Takers = {
  hello: () => undefined,
  beat: () => undefined,
  fleet: (client, { data }) => client.setQueryData(["gateways"], data),
  traffic: (client) => {
    for (const noun of ["api-keys", "agents", "usage"]) {
      void client.invalidateQueries({ queryKey: [noun] });
    }
  },
  told: (client) => void client.invalidateQueries({ queryKey: ["notifications"] }),
  changes: (client, { complete, changes }) => {
    keepActors(changes);
    const nouns = complete ? new Set(changes.flatMap(nounsOf)) : undefined;
    void client.invalidateQueries({
      predicate: ({ queryKey: [noun] }) =>
        nouns === undefined ? noun !== "session" : nouns.has(String(noun)),
    });
  },
};

function take<Name extends LiveEventName>(client: QueryClient, name: Name, text: string): void {
  takers[name](client, JSON.parse(text) as LiveEvents[Name]);
}
