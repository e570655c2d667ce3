/** CRC-32 as in IEEE 802.3, zlib and PNG (reflected polynomial 0xEDB88320). Finds typing errors, proves nothing. */

const TABLE = makeTable();

function makeTable(): Int32Array {
  const table = new Int32Array(256);
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    table[n] = c;
  }
  return table;
}

/** The checksum of the first `length` characters of an ASCII text, as an unsigned 32-bit integer. */
export function crc32(text: string, length: number = text.length): number {
  let c = -1;
  for (let i = 0; i < length; i++) c = (TABLE[(c ^ text.charCodeAt(i)) & 0xff] as number) ^ (c >>> 8);
  return (c ^ -1) >>> 0;
}
