/**
 * Whose a task is. All keys reach a server with one credential, so to the server every task is everybody's: what a client
 * knows a task by is the server's id sealed for exactly its key and that server, and what does not open goes nowhere. Only
 * the answer to a request gives such a name; whatever else speaks of tasks may only mention those of its own exchange.
 */
import { type Refusal, refuse } from "@claviger/shared/decide/refusals";
import { type ClientMessage, isObject, type Json, type JsonObject } from "./json-rpc.ts";
import { RELATED_TASK, requestRules } from "./methods.ts";

type Name = (id: string) => Promise<string | undefined>;

/** The tasks of one exchange, by what the server calls them. */
export class TaskNames {
  readonly #names = new Map<string, string>();
  readonly #seal: Name;
  readonly #gives: boolean;

  /** `gives`: somebody has asked for what is answered here, now or before the stream was resumed. */
  constructor(seal: Name, gives: boolean) {
    this.#seal = seal;
    this.#gives = gives;
  }

  /** Undefined: not of this exchange. */
  known(id: Json | undefined): string | undefined {
    return typeof id === "string" ? this.#names.get(id) : undefined;
  }

  keep(id: string, name: string): void {
    this.#names.set(id, name);
  }

  /** Undefined: nobody has asked, or there is no key to seal it with. */
  async give(id: Json | undefined): Promise<string | undefined> {
    if (typeof id !== "string" || !this.#gives) return undefined;
    const name = this.#names.get(id) ?? (await this.#seal(id));
    if (name !== undefined) this.keep(id, name);
    return name;
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The body as the server reads it, the same where it names no task; refused when it names one that is not the key's. */
export async function openTasks(
  message: ClientMessage | undefined,
  body: Uint8Array | undefined,
  names: TaskNames,
  open: Name,
): Promise<Uint8Array | undefined | Refusal> {
  if (message === undefined || body === undefined) return body;
  const opened = async (name: Json | undefined) => {
    const id = typeof name === "string" ? await open(name) : undefined;
    if (id !== undefined && typeof name === "string") names.keep(id, name);
    return id;
  };
  if (message.kind === "response") return openResponse(body, opened);
  const { params } = message;
  const changed: Record<string, Json> = {};
  if (message.kind === "request" && requestRules.get(message.method)?.names === "task") {
    const taskId = await opened(params.taskId);
    if (taskId === undefined) return refuse("invalid_value", { param: "taskId" });
    changed.taskId = taskId;
  }
  if (namesRelated(params)) {
    const taskId = await opened(relatedOf(params));
    if (taskId === undefined) return refuse("invalid_value", { param: "_meta" });
    changed._meta = withRelated(params, taskId);
  }
  if (Object.keys(changed).length === 0) return body;
  const { kind: _, ...rest } = message;
  return encoder.encode(JSON.stringify({ jsonrpc: "2.0", ...rest, params: { ...params, ...changed } }));
}

/** A client may speak of tasks of its own here, which the server has asked it for: those it calls as it likes. */
async function openResponse(
  body: Uint8Array,
  opened: (name: Json | undefined) => Promise<string | undefined>,
): Promise<Uint8Array> {
  const content = JSON.parse(decoder.decode(body)) as JsonObject;
  const { result } = content;
  const taskId = isObject(result) ? await opened(relatedOf(result)) : undefined;
  if (!isObject(result) || taskId === undefined) return body;
  const named = { ...result, _meta: withRelated(result, taskId) };
  return encoder.encode(JSON.stringify({ ...content, result: named }));
}

/** Whether the message says that it belongs to a task. */
export function namesRelated({ _meta: meta }: JsonObject): boolean {
  return isObject(meta) && meta[RELATED_TASK] !== undefined;
}

function relatedOf({ _meta: meta }: JsonObject): Json | undefined {
  const related = isObject(meta) ? meta[RELATED_TASK] : undefined;
  return isObject(related) ? related.taskId : undefined;
}

/** Its `_meta` with another task, or with none. */
function withRelated({ _meta: meta }: JsonObject, taskId: string | undefined): JsonObject {
  const { [RELATED_TASK]: _, ...others } = isObject(meta) ? meta : {};
  return taskId === undefined ? others : { ...others, [RELATED_TASK]: { taskId } };
}

/** A server's message as the client may see it, the same object where it names no task; undefined: it may not. */
export async function sealTasks(message: JsonObject, names: TaskNames): Promise<JsonObject | undefined> {
  const { method, params, result } = message;
  if (method === undefined) {
    if (!isObject(result)) return message;
    const sealed = await sealResult(result, names);
    return sealed === result ? message : sealed && { ...message, result: sealed };
  }
  if (!isObject(params)) return method === "notifications/tasks/status" ? undefined : message;
  const changed: Record<string, Json> = {};
  if (method === "notifications/tasks/status") {
    const taskId = names.known(params.taskId);
    if (taskId === undefined) return undefined;
    changed.taskId = taskId;
  }
  if (namesRelated(params)) changed._meta = withRelated(params, names.known(relatedOf(params)));
  return Object.keys(changed).length === 0 ? message : { ...message, params: { ...params, ...changed } };
}

async function sealResult(result: JsonObject, names: TaskNames): Promise<JsonObject | undefined> {
  const { task, taskId, tasks, capabilities } = result;
  const changed: Record<string, Json> = {};
  if (isObject(task) && task.taskId !== undefined) {
    const name = await names.give(task.taskId);
    if (name === undefined) return undefined;
    changed.task = { ...task, taskId: name };
  }
  if (taskId !== undefined) {
    const name = await names.give(taskId);
    if (name === undefined) return undefined;
    changed.taskId = name;
  }
  // Which of the server's tasks are the key's nobody here remembers.
  if (tasks !== undefined) changed.tasks = [];
  if (isObject(capabilities) && isObject(capabilities.tasks) && capabilities.tasks.list !== undefined) {
    const { list: _, ...others } = capabilities.tasks;
    changed.capabilities = { ...capabilities, tasks: others };
  }
  if (namesRelated(result)) changed._meta = withRelated(result, await names.give(relatedOf(result)));
  return Object.keys(changed).length === 0 ? result : { ...result, ...changed };
}
