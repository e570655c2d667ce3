/**
 * Secrets with their checksums and hashes, computed outside of this code base (zlib's crc32, OpenSSL's SHA-256), that
 * every runtime must answer alike. They are nobody's.
 */
export const keyVectors = [
  {
    id: "key_7Hq2mXv9Rt4L",
    body: "clv_live_7Hq2mXv9Rt4L_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ",
    checksum: "0Eue82",
    hash: "MibuFBPc3E89gO7d71OtStYyQgwkvBeFkgoyr6ElezE",
  },
  {
    id: "key_000000000000",
    body: "clv_live_000000000000_0000000000000000000000000000000000000000000",
    checksum: "0mhspz",
    hash: "XzSOGWdfs114StiyfYtK1AzIanbyRkkyzeXW0TiTG0Q",
  },
  {
    id: "key_zzzzzzzzzzzz",
    body: "clv_live_zzzzzzzzzzzz_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
    checksum: "3M33MV",
    hash: "5jczX21gZhMigvZpQOPIR_i8QHgENzsdenikGrFXb-0",
  },
] as const;
