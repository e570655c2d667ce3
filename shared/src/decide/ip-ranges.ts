/** A set of addresses as sorted, disjoint ranges: prepared once per list, asked once per request. */
import { type Address, type Cidr, parseCidr } from "./ip.ts";

/** `width` words of the first address, then as many of the last, range after range. */
export interface IpRanges {
  readonly v4: Uint32Array;
  readonly v6: Uint32Array;
}

/**
 * The set that a list of CIDRs spells. An entry that cannot be read holds nobody: what is not understood admits
 * nothing, and the entries beside it still hold.
 */
export function prepareRanges(cidrs: readonly string[]): IpRanges {
  const parsed = cidrs.map(parseCidr).filter((cidr) => cidr !== undefined);
  return { v4: merge(parsed, 1), v6: merge(parsed, 4) };
}

function merge(cidrs: readonly Cidr[], width: 1 | 4): Uint32Array {
  const ranges = cidrs
    .filter((cidr) => cidr.address.length === width)
    .map((cidr) => ({ first: cidr.address, last: lastOf(cidr) }))
    .sort((a, b) => compare(a.first, b.first));
  const merged: { first: Address; last: Address }[] = [];
  for (const range of ranges) {
    const previous = merged.at(-1);
    if (previous === undefined || compare(range.first, successor(previous.last)) > 0)
      merged.push({ ...range });
    else if (compare(range.last, previous.last) > 0) previous.last = range.last;
  }
  return Uint32Array.from(merged.flatMap(({ first, last }) => [...first, ...last]));
}

function lastOf({ address, prefix }: Cidr): Address {
  return address.map((word, i) => {
    const bits = prefix - i * 32;
    if (bits >= 32) return word;
    return bits <= 0 ? 0xffff_ffff : (word | (0xffff_ffff >>> bits)) >>> 0;
  });
}

/** The next address; the last one is its own successor. */
function successor(address: Address): Address {
  const next = [...address];
  for (let i = next.length - 1; i >= 0; i--) {
    if (next[i] !== 0xffff_ffff) {
      next[i] = (next[i] as number) + 1;
      return next;
    }
    next[i] = 0;
  }
  return address;
}

function compare(a: Address, b: Address): number {
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return (a[i] as number) < (b[i] as number) ? -1 : 1;
  }
  return 0;
}

/** True when the address is in one of the ranges: O(log n), no allocation. */
export function inRanges(ranges: IpRanges, address: Address): boolean {
  const width = address.length;
  const list = width === 1 ? ranges.v4 : ranges.v6;
  const at = lastStartingBy(list, width, address);
  return at >= 0 && compareAt(list, (at * 2 + 1) * width, address) >= 0;
}

/** True when every address of `inner` is in `outer`. */
export function coversRanges(outer: IpRanges, inner: IpRanges): boolean {
  return coversList(outer.v4, inner.v4, 1) && coversList(outer.v6, inner.v6, 4);
}

/** Ranges are merged, so one of `inner` lies in `outer` only when it lies in a single range of it. */
function coversList(outer: Uint32Array, inner: Uint32Array, width: number): boolean {
  for (let i = 0; i < inner.length; i += 2 * width) {
    const at = lastStartingBy(outer, width, inner.subarray(i, i + width));
    const last = inner.subarray(i + width, i + 2 * width);
    if (at < 0 || compareAt(outer, (at * 2 + 1) * width, last) < 0) return false;
  }
  return true;
}

/** Index of the last range whose first address is not after `address`; −1 when there is none. */
function lastStartingBy(list: Uint32Array, width: number, address: ArrayLike<number>): number {
  let low = 0;
  let high = list.length / (2 * width) - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    if (compareAt(list, middle * 2 * width, address) <= 0) low = middle + 1;
    else high = middle - 1;
  }
  return high;
}

function compareAt(list: Uint32Array, offset: number, address: ArrayLike<number>): number {
  for (let i = 0; i < address.length; i++) {
    const held = list[offset + i] as number;
    if (held !== address[i]) return held < (address[i] as number) ? -1 : 1;
  }
  return 0;
}
