/** Small buffers cut from larger ones: a backing store of its own costs a buffer more than copying an answer into it. */
const SLAB_BYTES = 64 * 1024;
const CUT_BYTES_MAX = 8 * 1024;

let slab = Buffer.alloc(0);
let used = 0;

/** A buffer of that length, its content undefined; never written again by anybody but the one who asked for it. */
export function cutBuffer(length: number): Buffer {
  if (length > CUT_BYTES_MAX) return Buffer.allocUnsafeSlow(length);
  if (used + length > slab.length) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    used = 0;
  }
  used += length;
  return slab.subarray(used - length, used);
}
