import { providerNames } from "@claviger/control-plane/models/providers";
import { providers } from "@claviger/gateway/forward/providers";
import { expect, test } from "vitest";

test("whoever an LLM key can be of, a gateway speaks to, and nobody else", () => {
  expect(Object.keys(providers).sort()).toEqual([...providerNames].sort());
});
