/** What people call things: an id, or a name that only one thing has. */
import type { Api, Resource } from "./api.ts";
import { CommandError, exitCodes } from "./command.ts";

/** Picks by id, else by name; throws when it is nobody's name, or several have it. */
export function pick(resources: readonly Resource[], wanted: string, noun: string): Resource {
  const byId = resources.find(({ id }) => id === wanted);
  if (byId !== undefined) return byId;
  const named = resources.filter(({ attributes }) => attributes.name === wanted);
  const [first] = named;
  if (first === undefined) throw new CommandError(`there is no ${noun} "${wanted}"`, exitCodes.notFound);
  if (named.length === 1) return first;
  const ids = named.map(({ id }) => id).join(", ");
  throw new CommandError(
    `${named.length} ${noun}s are called "${wanted}"; say which: ${ids}`,
    exitCodes.conflict,
  );
}

/** A project by id or name; without one, the only project that there is. */
export async function findProject(api: Api, wanted: string | undefined): Promise<Resource> {
  const projects = await api.list("/projects");
  if (wanted !== undefined) return pick(projects, wanted, "project");
  const [only] = projects;
  if (only !== undefined && projects.length === 1) return only;
  if (only === undefined)
    throw new CommandError('there is no project yet: "claviger projects create NAME"', exitCodes.notFound);
  const names = projects.map(({ attributes }) => attributes.name).join(", ");
  throw new CommandError(`name the project with --project; there are ${names}`, exitCodes.usage);
}

/** An API key's id, from its id or name. */
export async function findKeyId(api: Api, wanted: string): Promise<string> {
  if (/^key_[0-9A-Za-z]{12}$/.test(wanted)) return wanted;
  const found = await api.list("/api-keys", { "filter[search]": wanted });
  return pick(found, wanted, "API key").id;
}

/** A gateway by id or name. */
export async function findGateway(api: Api, wanted: string): Promise<Resource> {
  return pick(await listGateways(api), wanted, "gateway");
}

/** All gateways: their list has no pages. */
export async function listGateways(api: Api): Promise<readonly Resource[]> {
  const { data } = (await api.call("GET", "/gateways")).document;
  return Array.isArray(data) ? data : [];
}
