import { expect, test } from "vitest";
import { watchSilence } from "./probe.ts";

test("only an answer that does not come is silence: neither a slow one, nor a connection that is lost, nor the end", async () => {
  const said: string[] = [];
  const stop = new AbortController();
  const frozen = Promise.withResolvers<void>();
  const heard = Promise.withResolvers<void>();
  const questions: (() => Promise<void>)[] = [
    () => Promise.resolve(),
    () => Promise.reject(new Error("connection disconnected")),
    () => new Promise((resolve) => setTimeout(resolve, 20)),
    () => frozen.promise,
    () => {
      said.push("asked again");
      heard.resolve();
      return new Promise(() => undefined);
    },
  ];
  const ask = () => questions.shift()?.() ?? Promise.reject(new Error("no more"));
  const silent = () => {
    said.push(`silent, ${questions.length} to go`);
    setTimeout(() => frozen.resolve(), 100);
  };
  const watching = watchSilence(ask, { silent, back: () => said.push("back") }, stop.signal, {
    everyMs: 5,
    silentMs: 1_000,
  });
  await heard.promise;
  expect(said).toEqual(["silent, 1 to go", "back", "asked again"]);
  stop.abort();
  await watching;
  expect(said).toHaveLength(3);
});
