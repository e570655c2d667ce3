import { hash } from "node:crypto";
import { describe } from "vitest";
import { HASH_DOMAIN } from "../key/secret.ts";
import { admitContract } from "../testing/admit-contract.ts";
import { followContract } from "../testing/follow-contract.ts";

describe("with WebCrypto", () => admitContract());
describe("with Node's own digest", () =>
  admitContract((secret) => hash("sha256", HASH_DOMAIN + secret, "base64url")));
describe("what the view is folded from", () => followContract());
