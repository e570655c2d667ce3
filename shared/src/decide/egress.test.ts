import fc from "fast-check";
import { expect, test } from "vitest";
import {
  admitsAddresses,
  type EgressAllow,
  egressModeOf,
  isPublicAddress,
  readEgressAllow,
} from "./egress.ts";
import { formatIp } from "./ip.ts";

function allow(text: string): EgressAllow {
  const read = readEgressAllow(text.split(","));
  if ("bad" in read) throw new Error(read.bad);
  return read;
}

const modeOf = (list: string, url: string) => egressModeOf(allow(list), new URL(url));

test("addresses with a special meaning are not public, however they are written", () => {
  const refused = [
    "127.0.0.1 127.255.255.254 0.0.0.0 0.1.2.3 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254",
    "100.64.0.1 100.127.255.255 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255 192.0.2.1 198.18.0.1 198.51.100.1",
    "192.0.0.170 192.88.99.1 203.0.113.9 ::ffff:0:127.0.0.1 ::127.0.0.1 ::7f00:1 0:0:0:0:0:0:0:1 100::1",
    "::1 :: fe80::1 fe80::1%eth0 fec0::1 fc00::1 fd12:3456::1 ff02::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1",
    "::ffff:169.254.169.254 ::ffff:a9fe:a9fe 64:ff9b::7f00:1 64:ff9b:1::1 2002:7f00:1:: 2001:db8::1 2001::1",
    "2001:20::1 3fff::1 4000::1 5f00::1 not-an-address 127.1 0x7f.0.0.1 0177.0.0.1 2130706433 1.1.1.1:80",
  ];
  for (const address of refused.join(" ").split(" "))
    expect([address, isPublicAddress(address)]).toEqual([address, false]);
  for (const address of [
    "1.1.1.1",
    "93.184.216.34",
    "100.128.0.1",
    "2606:4700::1111",
    "::ffff:1.1.1.1",
    "2a00:1450::1",
  ]) {
    expect([address, isPublicAddress(address)]).toEqual([address, true]);
  }
});

test("a v4-mapped address is judged as the address that it is", () => {
  fc.assert(
    fc.property(fc.nat({ max: 0xffff_ffff }), (word) => {
      const text = formatIp([word]);
      expect(isPublicAddress(`::ffff:${text}`)).toBe(isPublicAddress(text));
    }),
  );
});

test("an origin is judged before any name is resolved, in whatever way its address is spelt", () => {
  const list = "127.0.0.1:8709, sandbox.local:80, 10.1.0.0/16, fd00::/8, [::1]:9000";
  const cases: [string, string][] = [
    ["https://api.openai.com", "public"],
    ["https://localhost", "public"],
    ["http://api.openai.com", "listed"],
    ["http://127.0.0.1:8709", "open"],
    ["http://127.0.0.1:8710", "blocked"],
    ["https://127.0.0.1", "blocked"],
    ["https://127.0.0.1.", "blocked"],
    ["https://2130706433", "blocked"],
    ["https://0x7f.1", "blocked"],
    ["https://0177.0.0.1", "blocked"],
    ["https://127.1", "blocked"],
    ["https://①②⑦.⓪.⓪.①", "blocked"],
    ["https://1.1.1.1@127.0.0.1", "blocked"],
    ["https://[::1]", "blocked"],
    ["http://[::1]:9000", "open"],
    ["https://[::ffff:169.254.169.254]", "blocked"],
    ["https://[::ffff:a9fe:a9fe]", "blocked"],
    ["https://[0:0:0:0:0:ffff:7f00:1]", "blocked"],
    ["https://1.1.1.1", "open"],
    ["http://1.1.1.1", "blocked"],
    ["http://10.1.2.3:11434", "open"],
    ["https://10.2.2.3", "blocked"],
    ["http://[fd12::1]:8000", "open"],
    ["http://sandbox.local", "open"],
    ["https://metadata.google.internal", "blocked"],
    ["https://METADATA.google.internal.", "blocked"],
    ["https://metadata", "blocked"],
    ["ftp://api.openai.com", "blocked"],
    ["file:///etc/passwd", "blocked"],
    ["data:text/plain,x", "blocked"],
  ];
  for (const [url, mode] of cases) expect([url, modeOf(list, url)]).toEqual([url, mode]);
});

test("an entry that is neither host:port nor a CIDR is named", () => {
  for (const bad of ["localhost", "10.0.0.1/8", "https://x:1", "10.0.0.0/33", "a b:1"]) {
    expect(readEgressAllow(["127.0.0.1:1", bad])).toEqual({ bad });
  }
});

test("one address that will not do blocks a name, and so does none at all", () => {
  const list = allow("10.1.0.0/16");
  expect(admitsAddresses(list, "public", ["1.1.1.1", "10.1.2.3"])).toBe(true);
  expect(admitsAddresses(list, "public", ["1.1.1.1", "10.2.0.1"])).toBe(false);
  expect(admitsAddresses(list, "public", [])).toBe(false);
  expect(admitsAddresses(list, "listed", ["1.1.1.1"])).toBe(false);
  expect(admitsAddresses(list, "listed", ["10.1.0.9"])).toBe(true);
});
