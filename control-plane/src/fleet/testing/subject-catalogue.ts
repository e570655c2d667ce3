/**
 * Every subject there is between control plane and gateways, with names filled in. It is read from the law itself, so a
 * subject that is added there is here too; one with a parameter that nobody can fill throws.
 */
import { controlSubjects, replicaSubjects } from "@claviger/shared/wire/subjects";

export interface Party {
  /** Public key of the organization's NATS account. */
  readonly account: string;
  readonly replica: string;
}

type Subject = string | ((...names: string[]) => string);

/** As a replica sees its own, inside its organization's account. */
export function replicaCatalogue(party: Party): string[] {
  return Object.values<Subject>(replicaSubjects).map((subject) => filled(subject, party));
}

/** As the control plane's account sees those of one replica. */
export function controlCatalogue(party: Party): string[] {
  return Object.values<Subject>(controlSubjects).map((subject) => filled(subject, party));
}

function filled(subject: Subject, { account, replica }: Party): string {
  const names: Readonly<Record<string, string>> = { account, replica, cp: "cp", id: "id" };
  const text = typeof subject === "string" ? subject : subject(...parametersOf(subject, names));
  const inOrder = [account, replica];
  return text.replaceAll("*", () => inOrder.shift() ?? "id");
}

function parametersOf(subject: (...names: string[]) => string, names: Readonly<Record<string, string>>) {
  const list = /^\(?([^)=]*)\)?\s*=>/.exec(String(subject))?.[1] ?? "";
  return list.split(",").map((parameter) => {
    const name = names[parameter.trim()];
    if (name === undefined) throw new Error(`the catalogue cannot fill "${parameter.trim()}" in ${subject}`);
    return name;
  });
}

/** The subject, and all that is wider than it by wildcards: each token as `*`, and each beginning with `>`. */
export function widened(subject: string): string[] {
  const tokens = subject.split(".");
  const stars = tokens.map((_, i) => tokens.with(i, "*").join("."));
  const tails = tokens.map((_, i) => [...tokens.slice(0, i), ">"].join("."));
  return [...new Set([subject, ...stars, ...tails, tokens.map(() => "*").join(".")])];
}

/** What the server keeps for itself, and where answers to others arrive. */
export function innerSubjects({ account, replica }: Party): string[] {
  return [
    "$SYS.REQ.CLAIMS.UPDATE",
    "$SYS.REQ.CLAIMS.LIST",
    "$SYS.REQ.CLAIMS.DELETE",
    "$SYS.REQ.SERVER.PING",
    `$SYS.ACCOUNT.${account}.CONNECT`,
    `$SYS.REQ.ACCOUNT.${account}.INFO`,
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.ACK.x",
    "$KV.x.y",
    "$SRV.PING",
    "_R_.x",
    "_GR_.x",
    `_INBOX.${replica}.x`,
  ];
}
