import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { hashText } from "./json-text.ts";
import { listJson, SCALAR_BYTES_MAX, type Scan, type ScanFault, scanJson } from "./scan-json.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const scan = (body: string | Uint8Array, ...wanted: string[]): Scan =>
  scanJson(typeof body === "string" ? encode(body) : body, new Set(wanted));
const faultOf = (result: Scan) => (result.kind === "invalid" ? result.fault : undefined);

/** What the platform's parser says of the bytes. */
function parse(bytes: Uint8Array): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)) };
  } catch {
    return undefined;
  }
}

const words = fc.string({ unit: "grapheme", maxLength: 12 });
const names = words.filter((name) => name !== "__proto__");
const { value: jsonValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, false, 0, -0, 1e21, 1e-7, 12.5),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    words,
    fc.array(tie("value"), { maxLength: 4 }),
    tie("object"),
  ),
  object: fc.dictionary(names, tie("value"), { maxKeys: 5, noNullPrototype: true }),
}));
const jsonObject = fc.dictionary(names, jsonValue, { maxKeys: 6, noNullPrototype: true });

/** The same value spelled another way: white space, and some characters as escapes. */
function respell(text: string, seed: number): string {
  let state = seed >>> 0;
  const chance = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const spelled = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  let quoted = false;
  let escaped = false;
  let out = "";
  for (const c of text) {
    if (escaped) escaped = false;
    else if (quoted && c === "\\") escaped = true;
    else if (c === '"') quoted = !quoted;
    else if (quoted && chance() < 0.2) {
      out += c.split("").map(spelled).join("");
      continue;
    }
    out += !quoted && ",:{}[]".includes(c) && chance() < 0.3 ? ` ${c}\n\t` : c;
  }
  return out;
}

describe("against the platform's parser", () => {
  test("accepts every object however it is spelled, and finds each member's exact bytes and value", () => {
    fc.assert(
      fc.property(jsonObject, fc.integer(), fc.boolean(), (object, seed, plain) => {
        const text = plain ? JSON.stringify(object) : respell(JSON.stringify(object), seed);
        const bytes = encode(text);
        const found = scanJson(bytes, new Set(Object.keys(object)));
        if (found.kind !== "object") throw new Error(`${found.fault}: ${text}`);
        const members = [...found.members].map(([name, { start, end }]) => [
          name,
          JSON.parse(new TextDecoder().decode(bytes.subarray(start, end))),
        ]);
        expect(Object.fromEntries(members)).toEqual(JSON.parse(text));
        for (const [name, { value, nameStart, start }] of found.members) {
          const whole = (object as Record<string, unknown>)[name];
          const scalar = whole === null || typeof whole !== "object";
          expect(value).toEqual(scalar ? JSON.parse(JSON.stringify(whole)) : undefined);
          expect(bytes[nameStart]).toBe(0x22);
          expect(nameStart).toBeLessThan(start);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("never accepts bytes that are no JSON, and never calls JSON malformed", () => {
    const damage = fc.array(fc.tuple(fc.nat(200), fc.nat(255), fc.constantFrom("set", "put", "cut")), {
      minLength: 1,
      maxLength: 3,
    });
    fc.assert(
      fc.property(jsonObject, damage, (object, steps) => {
        const bytes = [...encode(JSON.stringify(object))];
        for (const [at, byte, how] of steps) {
          if (how === "cut") bytes.splice(at % bytes.length, 1);
          else bytes.splice(at % (bytes.length + 1), how === "set" ? 1 : 0, byte);
          if (bytes.length === 0) bytes.push(byte);
        }
        const whole = Uint8Array.from(bytes);
        const result = scan(whole);
        const parsed = parse(whole);
        if (result.kind === "object") expect(parsed?.value).toBeTypeOf("object");
        else if (parsed !== undefined) expect(["syntax", "encoding"]).not.toContain(result.fault);
      }),
      { numRuns: 10_000 },
    );
  });

  test("judges random short texts of JSON's own characters as the parser does", () => {
    const alphabet = fc.constantFrom(...'{}[],:"\\u0019eE+-.tfn ac'.split(""), "true", '"a":', "\n");
    fc.assert(
      fc.property(fc.array(alphabet, { maxLength: 9 }), (parts) => {
        const bytes = encode(`{"a":${parts.join("")}}`);
        const result = scan(bytes);
        const fault = faultOf(result);
        if (parse(bytes) === undefined) expect(result.kind).toBe("invalid");
        else expect([undefined, "duplicate_name", "lone_surrogate"]).toContain(fault);
      }),
      { numRuns: 10_000 },
    );
  });
});

describe("what can be read in two ways", () => {
  const depth = (n: number) => `{"a":${"[".repeat(n - 1)}${"]".repeat(n - 1)}}`;
  const many = Array.from({ length: 40 }, (_, i) => `"n${i}":${i}`).join(",");
  test.each<[string, ScanFault | undefined]>([
    ['{"a":1,"a":1}', "duplicate_name"],
    ['{"a":1,"\\u0061":2}', "duplicate_name"],
    ['{"\\u00e9":1,"é":2}', "duplicate_name"],
    ['{"a":{"b":[{"c":1,"c":2}]}}', "duplicate_name"],
    ['{"a":{"b":1},"c":{"b":1},"b":1}', undefined],
    ['[{"a":1},{"a":1}]', "not_object"],
    [`{${many},"n0":1}`, "duplicate_name"],
    [`{${many},"n39":1}`, "duplicate_name"],
    [`{${many},"x":{${many}}}`, undefined],
    [`{"x":{${many}},${many},"x":1}`, "duplicate_name"],
    [`{"x":[{${many}},{${many}}],"y":{${many}}}`, undefined],
    ['{"":1,"":2}', "duplicate_name"],
    ['{"__proto__":1}', "forbidden_name"],
    ['{"a":[{"__proto__":{}}]}', "forbidden_name"],
    ['{"\\u005f_proto__":1}', "forbidden_name"],
    ['{"__proto":1,"_":2,"__proto___":3}', undefined],
    ['{"a":"__proto__"}', undefined],
    ['{"a":"\\ud800"}', "lone_surrogate"],
    ['{"a":"\\udc00"}', "lone_surrogate"],
    ['{"a":"\\ud800\\ud800"}', "lone_surrogate"],
    ['{"a":"\\ud83d\\ude00"}', undefined],
    ['{"\\ud800":1}', "lone_surrogate"],
    [depth(64), undefined],
    [depth(65), "too_deep"],
    ["[]", "not_object"],
    ["null", "not_object"],
    ['"a"', "not_object"],
    ["1", "not_object"],
    ["", "syntax"],
    ["{}", undefined],
    [" \n{ }\r\t", undefined],
    ["{} {}", "syntax"],
    ["\ufeff{}", "syntax"],
    ["{}\u00a0", "syntax"],
    ['{"a":01}', "syntax"],
    ['{"a":1.}', "syntax"],
    ['{"a":.5}', "syntax"],
    ['{"a":+1}', "syntax"],
    ['{"a":1e}', "syntax"],
    ['{"a":NaN}', "syntax"],
    ['{"a":Infinity}', "syntax"],
    ['{"a":1,}', "syntax"],
    ["{'a':1}", "syntax"],
    ['{"a":"\t"}', "syntax"],
    ['{"a":"\u007f"}', undefined],
    ['{"a":tru', "syntax"],
    ['{"a":"\\x41"}', "syntax"],
  ])("%s", (text, fault) => expect(faultOf(scan(text))).toBe(fault));

  test.each([
    ["an overlong form", [0xc0, 0xaf]],
    ["an encoded surrogate", [0xed, 0xa0, 0x80]],
    ["above U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
    ["a lone continuation", [0x80]],
    ["a cut sequence", [0xe2, 0x82]],
    ["Latin-1", [0xe9]],
  ])("%s is no UTF-8", (_, bytes) => {
    const body = Uint8Array.from([...encode('{"a":"'), ...bytes, ...encode('"}')]);
    expect(faultOf(scan(body))).toBe("encoding");
  });

  test("a body cut anywhere is refused, and reads nothing beyond its end", () => {
    const whole = encode('{"model":"a\\u00e9é\\ud83d\\ude00","n":[1.5e+3,true,null],"o":{"p":"q"}}');
    for (let end = 0; end < whole.length; end++) expect(scan(whole.subarray(0, end)).kind).toBe("invalid");
    const inside = Uint8Array.from([...encode('"}'), ...whole, ...encode('"}')]);
    expect(scan(inside.subarray(2, 2 + whole.length), "model")).toEqual(scan(whole, "model"));
  });
});

describe("where to put something in", () => {
  test.each(["{}", " { } ", '{"a":1}', '{ "a":1}'])("%j", (text) => {
    const found = scan(text);
    if (found.kind !== "object") throw new Error("invalid");
    const put = `${text.slice(0, found.insertAt)}"b":2${found.empty ? "" : ","}${text.slice(found.insertAt)}`;
    expect(JSON.parse(put)).toEqual({ ...JSON.parse(text), b: 2 });
  });
});

/** How often the scan looks at a byte or at a word of four, and how many characters it makes. */
function effortOf(text: string): { kind: Scan; looks: number; made: number } {
  let looks = 0;
  const bytes = new Proxy(encode(text), {
    get(target, name) {
      if (typeof name === "string" && name.charCodeAt(0) <= 0x39) looks++;
      return Reflect.get(target, name, target) as unknown;
    },
  });
  const words = vi.spyOn(DataView.prototype, "getInt32");
  const made = vi.spyOn(String, "fromCodePoint");
  const kind = scanJson(bytes, new Set(["model", "stream_options"]));
  const effort = { kind, looks: looks + words.mock.calls.length, made: made.mock.calls.length };
  vi.restoreAllMocks();
  return effort;
}

describe("what a body costs", () => {
  const a = (n: number) => "a".repeat(n);
  const escaped = (n: number) => "\\u0061".repeat(n / 6);
  const distinct = (n: number, name: (i: number) => string) =>
    Array.from({ length: n }, (_, i) => `"${name(i)}":0`).join(",");
  test.each<[string, (n: number) => string]>([
    ["a long model", (n) => `{"model":"${a(n)}"}`],
    ["a long model in escapes", (n) => `{"model":"${escaped(n)}"}`],
    ["a long number", (n) => `{"model":${"1".repeat(n)}}`],
    ["a long name", (n) => `{"${a(n)}":1}`],
    ["a long name in escapes", (n) => `{"${escaped(n)}":1}`],
    ["long names that differ at their end", (n) => `{${distinct(23, (i) => a(n / 23) + i)}}`],
    ["many short names", (n) => `{"x":{${distinct(n / 10, (i) => `n${i}`)}}}`],
    ["many short names in escapes", (n) => `{"x":{${distinct(n / 20, (i) => `\\u006e${i}`)}}}`],
    ["many objects of many names", (n) => `{"x":[${Array(n / 1_000).fill(`{${distinct(90, String)}}`)}]}`],
    ["names in a deep nest", (n) => `{"x":${'{"a":'.repeat(60)}"${a(n)}"${"}".repeat(60)}}`],
  ])("%s: in proportion to its length, and no text of its length", (_, text) => {
    const [small, large] = [text(24_000), text(48_000)];
    const [first, second] = [effortOf(small), effortOf(large)];
    expect(second.kind.kind).toBe("object");
    expect(second.looks).toBeLessThan(first.looks * 2.2);
    expect(second.looks).toBeLessThan(large.length * 5);
    expect(second.made).toBeLessThan(SCALAR_BYTES_MAX);
  });

  test("an object of more than 10 000 members is refused, at every depth", () => {
    const members = (n: number) => `{${distinct(n, (i) => `n${i}`)}}`;
    expect(faultOf(scan(members(10_000)))).toBeUndefined();
    expect(faultOf(scan(members(10_001)))).toBe("too_many_names");
    expect(faultOf(scan(`{"a":[${members(10_001)}]}`))).toBe("too_many_names");
  });

  test("names that were made to have the same hash are refused instead of compared with each other", () => {
    // Two tails that one hash follows from, three times one behind the other: eight names of one hash.
    const tails = (head: string): [string, string] => {
      const seen = new Map<number, string>();
      for (let i = 0; ; i++) {
        const tail = (Math.imul(i, 0x9e3779b1) >>> 0).toString(36);
        const hash = hashText(encode(head + tail), 0, head.length + tail.length);
        const other = seen.get(hash);
        if (other !== undefined) return [other, tail];
        seen.set(hash, tail);
      }
    };
    let alike = [""];
    while (alike.length < 8) {
      const ends = tails(alike[0] as string);
      alike = alike.flatMap((head) => ends.map((tail) => head + tail));
    }
    const body = (n: number) =>
      `{${alike
        .slice(0, n)
        .map((name) => `"${name}":0`)
        .join(",")}}`;
    expect(faultOf(scan(body(4)))).toBeUndefined();
    expect(faultOf(scan(body(5)))).toBe("too_many_names");
  });

  test("a scalar that is longer than 4 KiB is found, and its value is not", () => {
    const model = (n: number) => scan(`{"model":"${a(n - 2)}"}`, "model");
    const modelIn = (found: Scan) =>
      found.kind === "object" ? found.members.get("model")?.value : "invalid";
    expect(modelIn(model(SCALAR_BYTES_MAX))).toBe(a(SCALAR_BYTES_MAX - 2));
    expect(modelIn(model(SCALAR_BYTES_MAX + 1))).toBeUndefined();
  });
});

test("the values of a list are found where they stand, whatever they hold; of anything else there are none", () => {
  const texts = (json: string) => {
    const bytes = encode(json);
    return listJson(bytes, 0).map(([start, end]) => new TextDecoder().decode(bytes.subarray(start, end)));
  };
  expect(texts('[ {"a":[1,"]"]} ,"x,\\"y" , [ [] ],null,1e3 ]')).toEqual([
    ...['{"a":[1,"]"]}', '"x,\\"y"', "[ [] ]", "null", "1e3"],
  ]);
  expect([texts("[]"), texts("[ ]"), texts("{}"), texts('"[1]"')]).toEqual([[], [], [], []]);
});
