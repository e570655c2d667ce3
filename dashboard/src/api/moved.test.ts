import { expect, test } from "vitest";
import { nounsOf } from "./moved.ts";

test("a change is told to every list that shows something of it, by the name of its cache", () => {
  const moved = (action: string) => nounsOf({ action });
  expect(moved("api-key.revoke")).toEqual(["api-keys", "safety"]);
  expect(moved("model-alias.create")).toEqual(["model-aliases", "models"]);
  expect(moved("model.reprice")).toEqual(["models", "providers"]);
  expect(moved("llm-api-key.edit")).toEqual(["llm-api-keys", "models", "providers", "model-aliases"]);
  expect(moved("notification-rules.edit")).toEqual(["notification-rules"]);
  expect(moved("notification-channel.delete")).toEqual(["notification-channels"]);
  expect(moved("member.disable")).toContain("api-keys");
});
