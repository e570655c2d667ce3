import { BlockList, isIP, isIPv4 } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalCidr, formatIp, networkOf, parseCidr, parseIp } from "./ip.ts";
import { coversRanges, inRanges, prepareRanges } from "./ip-ranges.ts";

const ip = (text: string) => {
  const address = parseIp(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
};

/** Texts that are addresses, and ones that nearly are. */
const nearlyIp = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.ipV4().map((v4) => `::ffff:${v4}`),
  fc
    .tuple(
      fc.oneof(fc.ipV4(), fc.ipV6()),
      fc.nat(45),
      fc.constantFrom("", ":", ".", "0", "f", "::", "%", " "),
    )
    .map(([text, at, put]) => text.slice(0, at) + put + text.slice(at + 1)),
);

describe("parsing an address", () => {
  test("accepts what Node accepts and nothing else, except zone ids", () => {
    fc.assert(
      fc.property(nearlyIp, (text) => {
        expect(parseIp(text) !== undefined, text).toBe(isIP(text) !== 0 && !text.includes("%"));
      }),
      { numRuns: 5000 },
    );
  });

  test.each(["010.0.0.1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.", "0x7f.1", "2130706433", " 1.2.3.4"])(
    "%j is none",
    (text) => expect(parseIp(text)).toBeUndefined(),
  );

  test.each([
    "1::2::3",
    ":::",
    ":",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8",
    "fe80::1%eth0",
    "[::1]",
    "12345::",
    "::1.2.3",
    "1.2.3.4::",
  ])("%j is none", (text) => expect(parseIp(text)).toBeUndefined());

  test("its canonical text reads back as the same address, and is RFC 5952", () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const address = ip(text);
        const canonical = formatIp(address);
        expect(parseIp(canonical)).toEqual(address);
        if (address.length === 4) expect(canonical).toBe(new URL(`http://[${text}]/`).hostname.slice(1, -1));
      }),
      { numRuns: 2000 },
    );
    expect(formatIp(ip("2001:DB8:0:0:1:0:0:1"))).toBe("2001:db8::1:0:0:1");
    expect(formatIp(ip("1:0:3:4:5:6:7:8"))).toBe("1:0:3:4:5:6:7:8");
    expect(formatIp(ip("::FFFF:10.0.0.1"))).toBe("10.0.0.1");
  });

  test("its network is what logs may show", () => {
    expect(networkOf(ip("203.0.113.9"))).toBe("203.0.113.0/24");
    expect(networkOf(ip("2001:db8:1:2:3:4:5:6"))).toBe("2001:db8:1::/48");
  });
});

describe("a CIDR", () => {
  test.each([
    ["10.0.0.0/8", "10.0.0.0/8"],
    ["203.0.113.7", "203.0.113.7/32"],
    ["2001:DB8::/32", "2001:db8::/32"],
    ["::1", "::1/128"],
    ["::/0", "::/0"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["::ffff:10.0.0.0/104", "10.0.0.0/8"],
    ["::ffff:10.1.2.3", "10.1.2.3/32"],
  ])("%s is stored as %s", (text, canonical) => {
    expect(canonicalCidr(text)).toBe(canonical);
    expect(canonicalCidr(canonical)).toBe(canonical);
  });

  test.each([
    "::ffff:0:0/0",
    "::ffff:0:0/95",
    "10.0.0.1/8",
    "10.0.0.0/33",
    "10.0.0.0/08",
    "10.0.0.0/-1",
    "10.0.0.0/",
    "10.0.0.0/8/8",
    "10.0.0.0/8 ",
    "10.0.0.0/255.0.0.0",
    "2001:db8::1/32",
    "::/129",
    "10.*",
    "example.com",
    "",
    "/8",
  ])("%j is refused", (text) => expect(canonicalCidr(text)).toBeUndefined());
});

/** Few bits, so that ranges meet, and both families. */
const cidr = fc.tuple(fc.boolean(), fc.nat(255), fc.nat(32)).map(([v6, byte, length]) => {
  const prefix = v6 ? 96 + length : length;
  const [word, width] = [((byte << 28) | byte) >>> 0, v6 ? 4 : 1];
  const kept = length === 0 ? 0 : (word & (-1 << (32 - length))) >>> 0;
  return `${formatIp(width === 1 ? [kept] : [0x20010db8, 0, 0, kept])}/${prefix}`;
});
const cidrs = fc.array(cidr, { maxLength: 6 });
const address = fc.tuple(fc.boolean(), fc.nat(255), fc.nat(3)).map(([v6, byte, tail]) => {
  const word = (((byte << 28) | byte) + tail) >>> 0;
  return v6 ? [0x20010db8, 0, 0, word] : [word];
});

describe("a set of ranges", () => {
  test("holds exactly what Node's BlockList holds", () => {
    fc.assert(
      fc.property(cidrs, address, (list, one) => {
        const oracle = new BlockList();
        for (const each of list) {
          const [net, prefix] = each.split("/") as [string, string];
          oracle.addSubnet(net, Number(prefix), isIPv4(net) ? "ipv4" : "ipv6");
        }
        const text = formatIp(one);
        expect(inRanges(prepareRanges(list), one)).toBe(oracle.check(text, isIPv4(text) ? "ipv4" : "ipv6"));
      }),
      { numRuns: 3000 },
    );
  });

  test("covers another exactly when no address is in that one alone", () => {
    // Every range of this generator begins or ends at one of these, so they are witnesses enough.
    const edges = (list: readonly string[]) =>
      list.flatMap((each) => {
        const { v4, v6 } = prepareRanges([each]);
        return [[...v4.slice(0, 1)], [...v4.slice(1)], [...v6.slice(0, 4)], [...v6.slice(4)]].filter(
          (a) => a.length,
        );
      });
    const beside = (one: readonly number[], step: number) => [
      ...one.slice(0, -1),
      ((one.at(-1) ?? 0) + step) >>> 0,
    ];
    fc.assert(
      fc.property(cidrs, cidrs, (a, b) => {
        const [outer, inner] = [prepareRanges(a), prepareRanges(b)];
        const witnesses = edges([...a, ...b]).flatMap((one) => [one, beside(one, 1), beside(one, -1)]);
        const naive = witnesses.every((one) => !inRanges(inner, one) || inRanges(outer, one));
        expect(coversRanges(outer, inner)).toBe(naive);
      }),
      { numRuns: 3000 },
    );
  });

  test("joins neighbours, so that two halves cover the whole", () => {
    const halves = prepareRanges(["10.128.0.0/9", "10.0.0.0/9", "2001:db8:8000::/33", "2001:db8::/33"]);
    expect(coversRanges(halves, prepareRanges(["10.0.0.0/8", "2001:db8::/32"]))).toBe(true);
    expect(halves.v4.length).toBe(2);
    expect(coversRanges(prepareRanges(["0.0.0.0/1", "128.0.0.0/1"]), prepareRanges(["0.0.0.0/0"]))).toBe(
      true,
    );
  });

  test("of IPv6 never holds an IPv4 caller, and a v4-mapped caller is an IPv4 one", () => {
    expect(inRanges(prepareRanges(["::/0"]), ip("10.0.0.1"))).toBe(false);
    expect(inRanges(prepareRanges(["::/0"]), ip("::ffff:10.0.0.1"))).toBe(false);
    expect(inRanges(prepareRanges(["10.0.0.0/8"]), ip("::ffff:10.0.0.1"))).toBe(true);
    expect(inRanges(prepareRanges(["0.0.0.0/0"]), ip("::1"))).toBe(false);
  });

  test("passes over an entry that cannot be read, and holds the others", () => {
    const ranges = prepareRanges(["nonsense", "10.0.0.0/8"]);
    expect(inRanges(ranges, ip("10.1.2.3"))).toBe(true);
    expect(inRanges(prepareRanges(["nonsense"]), ip("10.1.2.3"))).toBe(false);
    expect(parseCidr("nonsense")).toBeUndefined();
  });
});
