/** What an application does: talking to a gateway with an API key. */
import type { Command } from "commander";
import { codeFor, reach } from "../api.ts";
import { CommandError, exitCodes, type Terminal } from "../command.ts";
import { type Globals, originOf } from "../connect.ts";
import { tableOf } from "../table.ts";

interface Options extends Globals {
  readonly gatewayUrl?: string;
  readonly model?: string;
  readonly system?: string;
  readonly maxTokens?: string;
  readonly stream?: boolean;
}

const DEFAULT_GATEWAY = "http://127.0.0.1:8701";

export function addUse(program: Command, terminal: Terminal): void {
  const atGateway = (command: Command) =>
    command
      .option("--gateway-url <url>", "which gateway (CLAVIGER_GATEWAY_URL)")
      .addHelpText("after", "\nThe API key is read from CLAVIGER_API_KEY; without it, it is asked for.");
  atGateway(program.command("models").description("the models that an API key may use")).action(
    (_options, command: Command) => models(command.optsWithGlobals(), terminal),
  );
  atGateway(
    program
      .command("chat [words...]")
      .description("say something to a model; what to say from standard input without words"),
  )
    .option("--model <model>", "which one", "sandbox/echo")
    .option("--system <text>", "what the model is told first")
    .option("--max-tokens <n>", "of the answer")
    .option("--no-stream", "wait for the whole answer")
    .action((words: string[], _options, command: Command) =>
      chat(words, command.optsWithGlobals(), terminal),
    );
}

async function ask(options: Options, terminal: Terminal, path: string, body?: object): Promise<Response> {
  const given = options.gatewayUrl ?? (terminal.env.CLAVIGER_GATEWAY_URL || DEFAULT_GATEWAY);
  const url = originOf(given, "--gateway-url or CLAVIGER_GATEWAY_URL");
  const key = terminal.env.CLAVIGER_API_KEY || (await terminal.askSecret("API key")).trim();
  const response = await reach(new URL(`${url}${path}`), {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: terminal.left,
  });
  if (response.ok) return response;
  const text = await response.text();
  throw new CommandError(
    `${messageOf(text)} (request ${response.headers.get("x-request-id")})`,
    codeFor(response.status),
  );
}

function messageOf(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error: { message: string; code: string } };
    return `${error.message} (${error.code})`;
  } catch {
    return "the gateway's answer cannot be read";
  }
}

async function models(options: Options, terminal: Terminal): Promise<void> {
  const document = (await (await ask(options, terminal, "/v1/models")).json()) as {
    data: { id: string; owned_by: string }[];
  };
  if (options.json) return terminal.out(JSON.stringify(document, undefined, 2));
  const rows = document.data.map(({ id, owned_by }) => [id, owned_by]);
  for (const line of tableOf(["model", "provider"], rows)) terminal.out(line);
}

async function chat(words: readonly string[], options: Options, terminal: Terminal): Promise<void> {
  const said = words.length > 0 ? words.join(" ") : await terminal.ask("You");
  const stream = options.stream !== false && !options.json;
  const body = {
    model: options.model,
    messages: [
      ...(options.system === undefined ? [] : [{ role: "system", content: options.system }]),
      { role: "user", content: said },
    ],
    ...(options.maxTokens === undefined ? {} : { max_tokens: Number(options.maxTokens) }),
    ...(stream ? { stream: true } : {}),
  };
  const response = await ask(options, terminal, "/v1/chat/completions", body);
  if (stream) return printStream(response, terminal);
  const answer = (await response.json()) as { choices: { message: { content: string } }[] };
  terminal.out(
    options.json ? JSON.stringify(answer, undefined, 2) : (answer.choices[0]?.message.content ?? ""),
  );
}

interface Chunk {
  readonly choices?: readonly { readonly delta?: { readonly content?: string } }[];
  readonly error?: { readonly message: string; readonly code: string };
}

/** Server-sent events, printed as they come. */
async function printStream(response: Response, terminal: Terminal): Promise<void> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of response.body ?? []) {
    rest += decoder.decode(bytes, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const data = /^data: (.*)$/.exec(line)?.[1];
      if (data === undefined || data === "[DONE]") continue;
      const chunk = JSON.parse(data) as Chunk;
      if (chunk.error !== undefined)
        throw new CommandError(`${chunk.error.message} (${chunk.error.code})`, exitCodes.failed);
      terminal.write(chunk.choices?.[0]?.delta?.content ?? "");
    }
  }
  terminal.write("\n");
}
