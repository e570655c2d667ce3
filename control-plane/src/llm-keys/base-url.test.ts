import { expect, test } from "vitest";
import { readBaseUrl, sandboxUrl } from "./base-url.ts";

const ALLOW = ["127.0.0.1:8709", "models.internal:80", "10.20.0.0/16", "fd00::/8"];

test.each([
  ["https://api.openai.com", "https://api.openai.com", "api.openai.com"],
  ["https://api.openai.com/v1/", "https://api.openai.com/v1", "api.openai.com"],
  ["HTTPS://API.OpenAI.com:443//", "https://api.openai.com", "api.openai.com"],
  ["https://models.example:8443/a/b", "https://models.example:8443/a/b", "models.example:8443"],
  ["http://127.0.0.1:8709", "http://127.0.0.1:8709", "127.0.0.1:8709"],
  ["http://2130706433:8709", "http://127.0.0.1:8709", "127.0.0.1:8709"],
  ["http://models.internal", "http://models.internal", "models.internal"],
  ["http://10.20.3.4:11434", "http://10.20.3.4:11434", "10.20.3.4:11434"],
  ["http://[fd12::1]:8000", "http://[fd12::1]:8000", "[fd12::1]:8000"],
])("%s is kept as %s, and its credential is bound to %s", (text, baseUrl, host) => {
  expect(readBaseUrl(text, ALLOW)).toEqual({ baseUrl, host });
});

test.each([
  "http://127.0.0.1:8710",
  "http://127.0.0.1",
  "http://models.internal:81",
  "http://10.21.0.1",
  "http://10.20.0.1.evil.example",
  "http://api.openai.com",
  "https://user@api.openai.com",
  "https://api.openai.com?key=1",
  "https://api.openai.com#x",
  "ftp://api.openai.com",
  "api.openai.com",
  "",
])("%s is refused at baseUrl", (text) => {
  expect(() => readBaseUrl(text, ALLOW)).toThrow(
    expect.objectContaining({ findings: [expect.objectContaining({ pointer: "/data/attributes/baseUrl" })] }),
  );
});

test("the sandbox is the first host and port that is allowed, and nowhere without one", () => {
  expect(sandboxUrl(["10.0.0.0/8", "127.0.0.1:8709"])).toBe("http://127.0.0.1:8709");
  expect(sandboxUrl(["10.0.0.0/8"])).toBeUndefined();
});
