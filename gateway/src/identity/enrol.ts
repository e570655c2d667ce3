/** How this replica comes into being (PROTOCOL §2.2). */
import { EnrolAnswer, type EnrolRequest } from "@claviger/shared/wire/enrol";
import { courierPaths } from "@claviger/shared/wire/subjects";
import { ConfigError } from "../config-error.ts";
import type { Log } from "../ports.ts";
import { type EnrolledIdentity, type Identity, type IdentityFile, newIdentity } from "./identity.ts";

export interface EnrolSettings {
  controlPlaneUrl: string;
  enrolmentToken: string | undefined;
  publicUrl: string | undefined;
  slot: string;
  runtime: EnrolRequest["runtime"];
  /** For the message about an empty one. */
  folder: string;
}

const TIMEOUT_MS = 10_000;
const RETRY_MS = 500;
/** A control plane that is still starting is waited for this long. */
const PATIENCE_MS = 60_000;

/**
 * The identity of this slot, enrolling it when it is new. The keys are on disk before they are sent, so that an
 * answer that was lost can be asked for again. An empty folder without a token is an error that says so.
 */
export async function ensureEnrolled(
  file: IdentityFile,
  settings: EnrolSettings,
  log: Log,
): Promise<EnrolledIdentity> {
  const found = await file.read();
  if (found?.enrolled !== undefined) return { ...found, enrolled: found.enrolled };
  if (settings.enrolmentToken === undefined) {
    throw new ConfigError(
      `CLAVIGER_ENROLMENT_TOKEN is missing: ${settings.folder} is empty, and a first start needs a token`,
    );
  }
  const identity = found ?? (await newIdentity());
  if (found === undefined) await file.write(identity);
  const enrolled = await enrol(settings, settings.enrolmentToken, identity, log);
  await file.write({ ...identity, enrolled });
  const { gatewayName: gateway, replicaId: replica, organizationId: organization } = enrolled;
  log.info({ gateway, replica, organization }, "enrolled");
  return { ...identity, enrolled };
}

async function enrol(
  settings: EnrolSettings,
  token: string,
  { nkey, sealKey }: Identity,
  log: Log,
): Promise<EnrolAnswer> {
  const request: EnrolRequest = {
    v: 1,
    token,
    slot: settings.slot,
    nkey,
    sealKey: sealKey.x,
    ...(settings.publicUrl === undefined ? {} : { publicUrl: settings.publicUrl }),
    runtime: settings.runtime,
  };
  const body = JSON.stringify(request);
  const url = `${settings.controlPlaneUrl}${courierPaths.enrol}`;
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const outcome = await post(url, body);
    if (outcome.kind === "answer") return outcome.answer;
    if (outcome.kind === "refused" || performance.now() > deadlineMs) throw new Error(outcome.message);
    log.warn({ url, why: outcome.message }, "enrolment is tried again");
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS * (0.5 + Math.random())));
  }
}

type Outcome = { kind: "answer"; answer: EnrolAnswer } | { kind: "refused" | "unreachable"; message: string };

async function post(url: string, body: string): Promise<Outcome> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    if (response.status >= 500)
      return { kind: "unreachable", message: `the control plane answered ${response.status}` };
    if (!response.ok) {
      return {
        kind: "refused",
        message: `the control plane refused the enrolment: ${response.status} ${text.slice(0, 300)}`,
      };
    }
    const answer = EnrolAnswer.safeParse(JSON.parse(text));
    if (answer.success) return { kind: "answer", answer: answer.data };
    return { kind: "refused", message: "the answer to the enrolment is not understood" };
  } catch (error) {
    return { kind: "unreachable", message: `the control plane cannot be reached: ${String(error)}` };
  }
}
