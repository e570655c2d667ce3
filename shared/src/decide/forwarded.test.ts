import fc from "fast-check";
import { expect, test } from "vitest";
import { clientIp } from "./forwarded.ts";
import { formatIp } from "./ip.ts";
import { prepareRanges } from "./ip-ranges.ts";

const trusted = prepareRanges(["10.0.0.0/8", "fd00::/8", "::1/128"]);
const NOBODY = "nobody can tell";
const client = (peer: string | undefined, forwardedFor?: string) => {
  const address = clientIp(peer, forwardedFor, trusted);
  return address === undefined ? NOBODY : formatIp(address);
};

test.each([
  ["no header: the peer", "203.0.113.9", undefined, "203.0.113.9"],
  ["a v4-mapped peer is the IPv4 one", "::ffff:203.0.113.9", undefined, "203.0.113.9"],
  ["a zone on a link-local peer", "fe80::1%eth0", undefined, "fe80::1"],
  ["an untrusted peer is believed nothing", "203.0.113.9", "198.51.100.1", "203.0.113.9"],
  ["one trusted hop", "10.0.0.1", "198.51.100.1", "198.51.100.1"],
  ["a v4-mapped trusted hop", "::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"],
  [
    "what stands left of the first untrusted hop is forged",
    "10.0.0.1",
    "1.1.1.1, 198.51.100.1",
    "198.51.100.1",
  ],
  ["garbage left of it is not read", "10.0.0.1", "garbage, 198.51.100.1", "198.51.100.1"],
  ["two trusted hops", "10.0.0.1", "1.1.1.1, 198.51.100.1, 10.0.0.2", "198.51.100.1"],
  ["two headers, joined", "10.0.0.1", "1.1.1.1,198.51.100.1,fd00::2", "198.51.100.1"],
  ["all of them trusted: the leftmost", "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
  ["an empty header: the peer", "10.0.0.1", "", "10.0.0.1"],
  ["with a port", "10.0.0.1", "198.51.100.1:4711", "198.51.100.1"],
  ["IPv6 in brackets with a port", "10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"],
  ["IPv6 bare", "10.0.0.1", "2001:DB8::1", "2001:db8::1"],
  ["garbage of a trusted hop: unknown", "10.0.0.1", "198.51.100.1, unknown", NOBODY],
  ["an empty entry of a trusted hop: unknown", "10.0.0.1", "198.51.100.1,", NOBODY],
  ["only a comma: unknown", "10.0.0.1", ",", NOBODY],
  ["a name: unknown", "10.0.0.1", "localhost", NOBODY],
  ["no peer: unknown", undefined, "198.51.100.1", NOBODY],
])("%s", (_, peer, forwardedFor, expected) => {
  expect(client(peer, forwardedFor)).toBe(expected);
});

test("whatever an untrusted peer sends, it is that peer", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(client("203.0.113.9", text)).toBe("203.0.113.9");
    }),
  );
});

test("whatever stands left of an untrusted hop that a trusted one names changes nothing", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(client("10.0.0.1", `${text},198.51.100.1`)).toBe("198.51.100.1");
    }),
  );
});
