import { expect, test } from "vitest";
import { readMultipart } from "./multipart.ts";

const BOUNDARY = "----claviger";
const TYPE = `multipart/form-data; boundary=${BOUNDARY}`;

type Field = readonly [head: string, value: string];

function form(fields: readonly Field[]): Buffer {
  const parts = fields.map(([head, value]) => `--${BOUNDARY}\r\n${head}\r\n\r\n${value}\r\n`);
  return Buffer.from(`${parts.join("")}--${BOUNDARY}--\r\n`);
}
const field = (name: string, value: string): Field => [
  `Content-Disposition: form-data; name="${name}"`,
  value,
];
const file = (name: string, value: string): Field => [
  `Content-Disposition: form-data; name="${name}"; filename="å.wav"\r\nContent-Type: audio/wav`,
  value,
];

test("a form that can be read in two ways is refused", () => {
  const model = field("model", "echo");
  const bad: [string, Buffer, string?][] = [
    ["no end", form([model]).subarray(0, -6)],
    ["a preamble", Buffer.concat([Buffer.from("x\r\n"), form([model])])],
    ["an epilogue", Buffer.concat([form([model]), Buffer.from("x")])],
    ["two models", form([model, field("model", "story")])],
    ["a model that is a file", form([file("model", "echo")])],
    ["two names", form([[`${model[0]}; name="x"`, "echo"]])],
    ["two dispositions", form([[`${model[0]}\r\n${field("x", "")[0]}`, "echo"]])],
    ["a name by RFC 5987", form([[`${model[0]}; name*=utf-8''x`, "echo"]])],
    ["an encoding", form([[`${model[0]}\r\nContent-Transfer-Encoding: base64`, "echo"]])],
    ["a folded line", form([[`${model[0]};\r\n filename="x"`, "echo"]])],
    ["two boundaries", form([model]), `multipart/form-data; boundary=x; boundary=${BOUNDARY}`],
    ["no boundary", form([model]), "multipart/form-data; charset=utf-8"],
  ];
  for (const [name, bytes, type] of bad) {
    expect([name, readMultipart(bytes, type ?? TYPE)]).toEqual([name, { code: "invalid_multipart" }]);
  }
  expect(readMultipart(form([model, field("base_url", "http://x")]), TYPE)).toEqual({
    ...{ code: "unknown_parameter", param: "base_url" },
  });
});

test("the model is read where it stands, files count as no words, and what looks like a boundary is none", () => {
  const sound = `\r\n--${BOUNDARY.slice(0, -1)}\r\n\r\n--x--\r\n${"x".repeat(5_000)}`;
  const bytes = form([
    field("prompt", ""),
    file("file", sound),
    field("model", "é/1"),
    field("stream", "true"),
  ]);
  for (const type of [TYPE, `Multipart/Form-Data; charset=utf-8; Boundary="${BOUNDARY}"`]) {
    const read = readMultipart(bytes, type);
    if ("code" in read) throw new Error(read.code);
    const [place, ...more] = read.modelAt;
    expect([read.model, read.stream, read.textBytes, more]).toEqual(["é/1", true, 8, []]);
    expect(bytes.subarray(place?.start, place?.end).toString()).toBe("é/1");
  }
  expect(readMultipart(form([file("file", "x")]), TYPE)).toMatchObject({ model: undefined, modelAt: [] });
  for (const long of ["m".repeat(5_000), "\ud800"]) {
    const ill = Buffer.concat([Buffer.from([0xff]), Buffer.from(long)]);
    const parts = form([field("model", "@")]);
    const at = parts.indexOf("@");
    const whole = Buffer.concat([parts.subarray(0, at), ill, parts.subarray(at + 1)]);
    expect(readMultipart(whole, TYPE)).toMatchObject({ model: {} });
  }
});
