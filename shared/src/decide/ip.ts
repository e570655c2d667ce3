/**
 * IP addresses and ranges without a platform: parsing (RFC 4291, strict), canonical text (RFC 5952), and a test of
 * membership by binary search over ranges that were prepared once. A v4-mapped IPv6 address (`::ffff:10.0.0.1`) *is*
 * the IPv4 address everywhere, so `::/0` never holds an IPv4 caller.
 */

/** One 32-bit word for IPv4, four for IPv6, most significant first, unsigned. */
export type Address = readonly number[];

/** The address that a text spells; undefined for anything else, zone ids, ports and brackets included. */
export function parseIp(text: string): Address | undefined {
  if (text.length > 45) return undefined;
  if (!text.includes(":")) {
    const word = parseV4(text, 0);
    return word === undefined ? undefined : [word];
  }
  const words = parseV6(text);
  if (words === undefined) return undefined;
  return isMapped(words) ? words.slice(3) : words;
}

/** Four decimal octets without leading zeros, from `start` to the end of the text. */
function parseV4(text: string, start: number): number | undefined {
  let word = 0;
  let octet = -1;
  let dots = 0;
  for (let i = start; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x2e) {
      if (octet < 0 || ++dots > 3) return undefined;
      word = word * 256 + octet;
      octet = -1;
    } else {
      if (c < 0x30 || c > 0x39 || octet === 0) return undefined;
      octet = octet < 0 ? c - 0x30 : octet * 10 + c - 0x30;
      if (octet > 255) return undefined;
    }
  }
  return dots === 3 && octet >= 0 ? word * 256 + octet : undefined;
}

function parseV6(text: string): number[] | undefined {
  const gap = text.indexOf("::");
  if (gap >= 0 && text.includes("::", gap + 1)) return undefined;
  const head = parseGroups(gap < 0 ? text : text.slice(0, gap), gap < 0);
  const tail = gap < 0 ? [] : parseGroups(text.slice(gap + 2), true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (gap < 0 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  const words: number[] = [];
  for (let i = 0; i < 8; i += 2) words.push((groups[i] as number) * 65_536 + (groups[i + 1] as number));
  return words;
}

const GROUP = /^[0-9a-fA-F]{1,4}$/;

/** Colon-separated groups of 16 bits; the last two may be written as IPv4 when the text ends there. */
function parseGroups(text: string, mayEndInV4: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (GROUP.test(part)) groups.push(Number.parseInt(part, 16));
    else {
      const v4 = mayEndInV4 && i === parts.length - 1 ? parseV4(part, 0) : undefined;
      if (v4 === undefined) return undefined;
      groups.push(Math.floor(v4 / 65_536), v4 % 65_536);
    }
  }
  return groups;
}

function isMapped(words: readonly number[]): boolean {
  return words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
}

/** Canonical text: dotted decimal, or RFC 5952. */
export function formatIp(address: Address): string {
  if (address.length === 1) return formatV4(address[0] as number);
  const groups = address.flatMap((word) => [Math.floor(word / 65_536), word % 65_536]);
  const [start, length] = longestZeros(groups);
  const hex = (part: number[]) => part.map((group) => group.toString(16)).join(":");
  if (length < 2) return hex(groups);
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

function formatV4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}

/** Start and length of the first longest run of zero groups. */
function longestZeros(groups: readonly number[]): [number, number] {
  let best: [number, number] = [0, 0];
  let length = 0;
  for (const [i, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0;
    if (length > best[1]) best = [i - length + 1, length];
  }
  return best;
}

export interface Cidr {
  readonly address: Address;
  /** 0…32 or 0…128, whichever fits the address. */
  readonly prefix: number;
}

/**
 * An address or a range. Refused (undefined): bits set behind the prefix (`10.0.0.1/8` may mean the host or the
 * network, and a list that protects must not guess), and a v4-mapped range shorter than /96, which would silently be
 * everything. Longer v4-mapped ones are the IPv4 range.
 */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf("/");
  if (slash < 0) {
    const address = parseIp(text);
    return address && { address, prefix: address.length * 32 };
  }
  const digits = text.slice(slash + 1);
  const address = parseIp(text.slice(0, slash));
  if (address === undefined || !/^(0|[1-9]\d{0,2})$/.test(digits)) return undefined;
  const mapped = address.length === 1 && text.includes(":");
  const prefix = Number(digits) - (mapped ? 96 : 0);
  if (prefix < 0 || prefix > address.length * 32) return undefined;
  const clean = address.every((word, i) => word === networkWord(word, prefix - i * 32));
  return clean ? { address, prefix } : undefined;
}

/** The word with all but its first `bits` bits cleared. */
function networkWord(word: number, bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? word : (word & (-1 << (32 - bits))) >>> 0;
}

/** The form in which ranges are stored and compared: `10.0.0.0/8`, `2001:db8::/32`, single addresses as /32 and /128. */
export function canonicalCidr(text: string): string | undefined {
  const cidr = parseCidr(text);
  return cidr && `${formatIp(cidr.address)}/${cidr.prefix}`;
}

/** The caller's network as usage events and logs may show it: /24 of IPv4, /48 of IPv6. */
export function networkOf(address: Address): string {
  const prefix = address.length === 1 ? 24 : 48;
  return `${formatIp(address.map((word, i) => networkWord(word, prefix - i * 32)))}/${prefix}`;
}
