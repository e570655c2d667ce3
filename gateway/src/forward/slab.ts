/**
 * Small byte arrays cut from larger ones: a backing store of its own costs an array more than copying a prompt into it.
 * What is cut off is never written again by anybody but the one who asked for it.
 */
const SLAB_BYTES = 64 * 1024;
const CUT_BYTES_MAX = 8 * 1024;

let slab = new Uint8Array(0);
let used = 0;

/** An array of that length, its content undefined. */
export function cutBytes(length: number): Uint8Array {
  if (length > CUT_BYTES_MAX) return new Uint8Array(length);
  if (used + length > slab.length) {
    slab = new Uint8Array(SLAB_BYTES);
    used = 0;
  }
  used += length;
  return slab.subarray(used - length, used);
}
