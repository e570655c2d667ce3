import { get, type IncomingMessage } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { seededRandom } from "@claviger/shared/testing/seeded-random";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { AnswerReader, type Progress } from "./upstream-answer.ts";
import type { AnswerHead } from "./upstream-head.ts";

interface Seen {
  status: number;
  flat: readonly string[];
  body: string;
}

/** What a reader makes of pieces, and the last thing that it said. */
function read(pieces: readonly Buffer[]): { progress: Progress; seen: Seen } {
  const seen: Seen = { status: 0, flat: [], body: "" };
  const reader = new AnswerReader({
    head: ({ status, flat }: AnswerHead) => Object.assign(seen, { status, flat }),
    data: (bytes) => {
      seen.body += bytes.toString("latin1");
    },
  });
  let progress: Progress = "more";
  for (const piece of pieces) {
    if (piece.length === 0 || progress === "bad") continue;
    // Pieces are given away: what the reader moves about inside them must not be the next test's bytes.
    progress = reader.read(Buffer.from(piece));
  }
  return { progress: progress === "more" && reader.isWholeAtEnd() ? "done" : progress, seen };
}

const bytewise = (bytes: Buffer) => Array.from(bytes, (byte) => Buffer.from([byte]));

let answer: Buffer = Buffer.alloc(0);
const server = createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.once("data", () => socket.end(answer));
});
beforeAll(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
afterAll(() => new Promise((resolve) => server.close(resolve)));

/** What Node's own client makes of the same bytes. */
function readByNode(bytes: Buffer): Promise<Seen> {
  answer = bytes;
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const take = (incoming: IncomingMessage) => {
      const flat = incoming.rawHeaders.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text));
      const seen = { status: incoming.statusCode ?? 0, flat, body: "" };
      incoming.setEncoding("latin1").on("data", (text: string) => {
        seen.body += text;
      });
      incoming.on("end", () => resolve(seen)).on("error", reject);
    };
    get({ port, host: "127.0.0.1", agent: false }, take).on("error", reject);
  });
}

function makeAnswers(): Buffer[] {
  const random = seededRandom(7);
  const pick = <T>(of: readonly T[]): T => of[random.int(0, of.length - 1)] as T;
  const text = (max: number) =>
    Array.from({ length: random.int(0, max) }, () => String.fromCharCode(random.int(32, 126))).join("");
  return Array.from({ length: 60 }, () => {
    const status = pick([200, 200, 200, 201, 204, 304, 400, 404, 429, 500, 503]);
    const interim = pick([
      "",
      "",
      "HTTP/1.1 100 Continue\r\n\r\n",
      "HTTP/1.1 103 Early\r\nlink: </a>\r\n\r\n",
    ]);
    let head = `${interim}HTTP/1.1 ${status}${pick([" OK", " ", " not\tso bad \xe9"])}\r\n`;
    for (let n = random.int(0, 4); n > 0; n--) {
      head += `${pick(["X-A", "x-b", "Content-Type", "Set-Cookie", "~!#$"])}:${pick(["", " ", "\t "])}${text(20).trim()}\r\n`;
    }
    const content = pick(["", text(5), text(300), "\r\n0\r\n\r\n", `data: ${text(40)}\n\n`]);
    if (status === 204 || status === 304) return Buffer.from(`${head}\r\n`, "latin1");
    const framing = pick(["length", "chunked", "chunked", "close"]);
    if (framing === "length") head += `Content-Length: ${content.length}\r\n\r\n${content}`;
    if (framing === "close") head += `\r\n${content}`;
    if (framing === "chunked") {
      head += `Transfer-Encoding: ${pick(["chunked", "Chunked"])}\r\n\r\n`;
      for (let at = 0; at < content.length; ) {
        const size = Math.min(content.length - at, random.int(1, 40));
        const spelled = `${pick(["", "0", "000"])}${pick([size.toString(16), size.toString(16).toUpperCase()])}`;
        head += `${spelled}${pick(["", "", ";a=b", ';q="x y"'])}\r\n${content.slice(at, at + size)}\r\n`;
        at += size;
      }
      head += `0\r\n${pick(["", "", "x-check: 1\r\ny: \r\n"])}\r\n`;
    }
    return Buffer.from(head, "latin1");
  });
}

test("every well-formed answer is what Node's own client makes of it, split at every byte", async () => {
  for (const bytes of makeAnswers()) {
    const expected = await readByNode(bytes);
    const whole = { progress: "done", seen: expected };
    expect(read([bytes]), bytes.toString("latin1")).toEqual(whole);
    expect(read(bytewise(bytes))).toEqual(whole);
    for (let at = 1; at < bytes.length; at++) {
      const { progress, seen } = read([bytes.subarray(0, at), bytes.subarray(at)]);
      expect(progress).toBe("done");
      expect(seen).toEqual(expected);
    }
  }
});

const OK = "HTTP/1.1 200 OK\r\n";
const CHUNKED = `${OK}transfer-encoding: chunked\r\n\r\n`;
const hostile: Record<string, string> = {
  "another protocol": "SSH-2.0-OpenSSH\r\n\r\n",
  "HTTP/0.9": "<html></html>\r\n\r\n",
  "HTTP/2's preface": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "a version that there is not": "HTTP/1.2 200 OK\r\ncontent-length: 0\r\n\r\n",
  "a status of two digits": "HTTP/1.1 99 OK\r\ncontent-length: 0\r\n\r\n",
  "a status of four digits": "HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n",
  "a switch of protocols": "HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n",
  "two equal lengths": `${OK}content-length: 1\r\ncontent-length: 1\r\n\r\na`,
  "two lengths": `${OK}content-length: 1\r\ncontent-length: 2\r\n\r\nab`,
  "a list of lengths": `${OK}content-length: 1, 1\r\n\r\na`,
  "a signed length": `${OK}content-length: +1\r\n\r\na`,
  "a negative length": `${OK}content-length: -1\r\n\r\na`,
  "a length in hex": `${OK}content-length: 0x1\r\n\r\na`,
  "an empty length": `${OK}content-length:\r\n\r\na`,
  "a length beyond counting": `${OK}content-length: 99999999999999999999\r\n\r\na`,
  "length and chunks": `${OK}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
  "two codings": `${OK}transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n`,
  "a coding that is not asked for": `${OK}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  "chunks in HTTP/1.0": "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
  "a folded header": `${OK}x-a: 1\r\n b: 2\r\ncontent-length: 0\r\n\r\n`,
  "a blank before the colon": `${OK}content-length : 0\r\n\r\n`,
  "a header without a name": `${OK}: 0\r\ncontent-length: 0\r\n\r\n`,
  "a header without a colon": `${OK}nothing\r\ncontent-length: 0\r\n\r\n`,
  "a control character": `${OK}x-a: \x00\r\ncontent-length: 0\r\n\r\n`,
  "a lone CR": `${OK}x-a: 1\rtransfer-encoding: chunked\r\ncontent-length: 0\r\n\r\n`,
  "a lone LF": `${OK}x-a: 1\ntransfer-encoding: chunked\r\ncontent-length: 0\r\n\r\n`,
  "an endless header": `${OK}x-a: ${"a".repeat(40_000)}`,
  "headers without end": OK + "x: y\r\n".repeat(10_000),
  "more headers than anybody has": `${OK}${"x: y\r\n".repeat(300)}content-length: 0\r\n\r\n`,
  "interim answers without end": "HTTP/1.1 102 Wait\r\n\r\n".repeat(3000),
  "a chunk without a size": `${CHUNKED}\r\na\r\n0\r\n\r\n`,
  "a chunk of a negative size": `${CHUNKED}-1\r\na\r\n0\r\n\r\n`,
  "a chunk's size with a prefix": `${CHUNKED}0x1\r\na\r\n0\r\n\r\n`,
  "a chunk's size with a blank": `${CHUNKED}1 \r\na\r\n0\r\n\r\n`,
  "a chunk beyond counting": `${CHUNKED}fffffffffffffffff\r\na`,
  "a chunk longer than it says": `${CHUNKED}1\r\nab\r\n0\r\n\r\n`,
  "a chunk's line with a lone LF": `${CHUNKED}1\na\r\n0\r\n\r\n`,
  "a chunk's end with a lone LF": `${CHUNKED}1\r\na\n0\r\n\r\n`,
  "a chunk's extension with a lone LF": `${CHUNKED}1;a\nb\r\na\r\n0\r\n\r\n`,
  "a chunk's extension without end": `${CHUNKED}1;${"a".repeat(3000)}\r\na\r\n0\r\n\r\n`,
  "a trailer without end": `${CHUNKED}0\r\n${"x: y\r\n".repeat(10_000)}`,
  "a folded trailer": `${CHUNKED}0\r\nx: y\r\n z\r\n\r\n`,
  "a trailer with a lone LF": `${CHUNKED}0\r\nx: y\n\r\n\r\n`,
};

test.each(Object.entries(hostile))("%s is no answer, in one piece and byte by byte", (_name, text) => {
  const bytes = Buffer.from(text, "latin1");
  expect(read([bytes]).progress).toBe("bad");
  expect(read(bytewise(bytes)).progress).toBe("bad");
});

test("bytes behind a whole answer are told, wherever they are cut off", () => {
  for (const answered of [`${OK}content-length: 2\r\n\r\nab`, `${CHUNKED}2\r\nab\r\n0\r\n\r\n`]) {
    const whole = Buffer.from(answered);
    const more = Buffer.from("HTTP/1.1 200 OK\r\n");
    expect(read([Buffer.concat([whole, more])]).progress).toBe("surplus");
    expect(read([whole]).progress).toBe("done");
  }
});

test("an answer that is cut anywhere before its end is not whole, unless only the connection's end could tell", () => {
  for (const text of [`${OK}content-length: 2\r\n\r\nab`, `${CHUNKED}2\r\nab\r\n0\r\n\r\n`]) {
    const bytes = Buffer.from(text);
    for (let end = 1; end < bytes.length; end++) {
      expect(read([bytes.subarray(0, end)]).progress).toBe("more");
    }
  }
});

test("a head that comes byte by byte is looked through once, and copied a few times", () => {
  const bytes = Buffer.from(`${OK}x-a: ${"a".repeat(30_000)}\r\ncontent-length: 0\r\n\r\n`, "latin1");
  const pieces = bytewise(bytes);
  const joins = vi.spyOn(Buffer, "concat");
  const searches = vi.spyOn(Buffer.prototype, "indexOf");
  try {
    expect(read(pieces).progress).toBe("done");
    const looked = searches.mock.calls.map(
      ([, from], n) => (searches.mock.contexts[n] as Buffer).length - Number(from ?? 0),
    );
    expect(looked.reduce((sum, n) => sum + n, 0)).toBeLessThan(5 * bytes.length);
    expect(joins.mock.calls.length).toBeLessThan(100);
  } finally {
    vi.restoreAllMocks();
  }
});
