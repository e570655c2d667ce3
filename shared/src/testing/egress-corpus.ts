/** What no process of ours may connect to: the same list for everybody who connects (PROTOCOL §4.1). */

/** Hosts of URLs, in every spelling of an address of this machine, its networks, or a cloud's metadata. */
export const FORBIDDEN_HOSTS: readonly string[] = [
  "127.0.0.1 127.1 127.0.1 2130706433 0x7f000001 0x7f.1 0177.0.0.1 017700000001 0 0.0.0.0 127.0.0.1. ①②⑦.⓪.⓪.①",
  "127。0。0。1 user@127.0.0.1 1.1.1.1@127.0.0.1 %31%32%37.0.0.1 127.000.000.001 127.255.255.254",
  "[::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:ffff:7f00:1] [0000::1] [::127.0.0.1] [::ffff:0:127.0.0.1]",
  "[64:ff9b::7f00:1] [64:ff9b::127.0.0.1] [64:ff9b:1::1] [2002:7f00:1::] [2001::1] [2001:db8::1] [3fff::1] [100::1]",
  "10.0.0.1 172.16.0.1 172.31.255.255 192.168.0.1 100.64.0.1 192.0.0.170 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1",
  "169.254.169.254 0xA9FEA9FE 2852039166 0251.0376.0251.0376 [::ffff:169.254.169.254] [::ffff:a9fe:a9fe] 169.254.170.2",
  "[fd00::1] [fd00:ec2::254] [fc00::1] [fe80::1] [fec0::1] [ff02::1] 224.0.0.1 240.0.0.1 255.255.255.255",
  "metadata metadata.google.internal METADATA.google.internal. metadata.goog instance-data instance-data.ec2.internal",
].flatMap((line) => line.split(" "));

/** Answers of a name server, none of which may be connected to: alone, beside a public address, and none at all. */
export const FORBIDDEN_ANSWERS: readonly (readonly string[])[] = [
  ["127.0.0.1"],
  ["::1"],
  ["::ffff:127.0.0.1"],
  ["169.254.169.254"],
  ["10.0.0.1"],
  ["fd00::1"],
  ["fe80::1%lo"],
  ["64:ff9b::a9fe:a9fe"],
  ["0.0.0.0"],
  ["93.184.216.34", "10.0.0.1"],
  ["10.0.0.1", "93.184.216.34"],
  ["2606:2800:220:1:248:1893:25c8:1946", "::1"],
  ["not an address"],
  [],
];

/** Schemes other than that of the web. */
export const FORBIDDEN_URLS: readonly string[] = [
  ...["ftp://example.com/", "file:///etc/passwd", "data:text/plain,x", "gopher://127.0.0.1:6379/_"],
  ...["unix:/var/run/docker.sock", "ws://example.com/", "javascript:0"],
];
