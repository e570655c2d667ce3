/** The requests of the benchmarks, the same bytes for every proxy but for host, path, model and credential. */

export interface ChatRequest {
  readonly path: string;
  readonly model: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly stream?: boolean;
  /** About how long the whole body is; at least 600. */
  readonly bodyBytes: number;
}

/** A whole HTTP/1.1 request. */
export function chatRequest({ path, model, headers, stream, bodyBytes }: ChatRequest): string {
  const system = { role: "system", content: "You are helpful. ".repeat(20) };
  const user = { role: "user", content: "" };
  const rest = { temperature: 0.5, ...(stream === true ? { stream: true } : {}) };
  const short = JSON.stringify({ model, messages: [system, user], ...rest });
  user.content = "word ".repeat(Math.max(1, Math.floor((bodyBytes - short.length) / 5)));
  const body = JSON.stringify({ model, messages: [system, user], ...rest });
  const fields = {
    host: "127.0.0.1",
    "content-type": "application/json",
    "user-agent": "bench",
    accept: "*/*",
    ...headers,
    "content-length": String(body.length),
  };
  const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${path} HTTP/1.1\r\n${head.join("")}\r\n${body}`;
}
