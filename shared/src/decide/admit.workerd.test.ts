import { expect, test } from "vitest";
import { admitContract } from "../testing/admit-contract.ts";
import { followContract } from "../testing/follow-contract.ts";

test("this is workerd", () => expect(navigator.userAgent).toBe("Cloudflare-Workers"));

admitContract();
followContract();
