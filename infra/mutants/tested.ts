/**
 * Rules that the simulator cannot reach, because what carries them is a database, a bus, a signature or a socket. Each is
 * taken out of the real source like a mutant of the simulator, and tests have to notice: `kills.json` says which do.
 */
import type { Replacement } from "../sim/mutants.ts";

export interface TestedMutant {
  readonly name: string;
  /** What is wrong with it, in one line. */
  readonly rule: string;
  /** Whose configuration runs its tests. */
  readonly stage: "unit" | "stack";
  /** Where tests that notice it are looked for. */
  readonly files: readonly string[];
  readonly replacements: readonly Replacement[];
}

const GATEWAY_TESTS = "gateway/src/runtime/node/";

export const testedMutants: readonly TestedMutant[] = [
  {
    name: "T-share-lock",
    rule: "a proof reads the head without FOR SHARE",
    stage: "stack",
    files: ["control-plane/src/fleet/journal.stack.test.ts"],
    replacements: [
      {
        file: "control-plane/src/fleet/heartbeat.ts",
        find: `\${lock === "share" ? sql\`for share\` : sql\`\`}`,
        replace: `\${lock === "share" ? sql\`\` : sql\`\`}`,
      },
      // The line before the head would do the same for all who stand in it.
      {
        file: "control-plane/src/fleet/heartbeat.ts",
        find: `lock === "share" ? standInLine(tx, orgId, "together") : undefined`,
        replace: `lock === "share" ? undefined : undefined`,
      },
    ],
  },
  {
    name: "T-verify",
    rule: "signatures are not verified",
    stage: "unit",
    files: ["gateway/src/follow/", "shared/src/wire/sign.test.ts"],
    replacements: [
      {
        file: "shared/src/wire/sign.ts",
        find: "  return async (type, jws) => {\n    try {\n",
        replace: `  return async (type, jws) => {
    try {
      if (decodeProtectedHeader(jws).typ !== type) return undefined;
      if (byKid.size > 0) return new Uint8Array(Buffer.from(jws.split(".")[1] ?? "", "base64url"));
`,
      },
    ],
  },
  {
    name: "T-seal",
    rule: "what is read from disk is not compared with its seal",
    stage: "unit",
    files: [`${GATEWAY_TESTS}state-store.test.ts`, "gateway/src/identity/vault.test.ts"],
    replacements: [
      {
        file: "gateway/src/runtime/node/seal.ts",
        find: "decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()]",
        replace: "decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES))]",
      },
    ],
  },
  {
    name: "T-forward-first",
    rule: "a request is forwarded before its rate is judged",
    stage: "unit",
    files: [`${GATEWAY_TESTS}no-byte.test.ts`],
    replacements: [
      {
        file: "gateway/src/forward/serve.ts",
        find: "  if (!rate.ok) {\n",
        replace: `  if (!rate.ok) {
    const early = { principal, limited, asked, body, estimate, candidates, facts: factsOf(visit) };
    await new Attempts(visit, early).start();
`,
      },
    ],
  },
  {
    name: "T-unheld",
    rule: "a refused reservation is forwarded all the same",
    stage: "unit",
    files: [`${GATEWAY_TESTS}no-byte.test.ts`, `${GATEWAY_TESTS}answers.test.ts`],
    replacements: [
      {
        file: "gateway/src/forward/attempts.ts",
        find: `      if (!recorded) return refuse("audit_unavailable");\n`,
        replace: "",
      },
    ],
  },
  {
    name: "T-last-look",
    rule: "liveness is not read again before the forward",
    stage: "unit",
    files: [
      `${GATEWAY_TESTS}no-byte.test.ts`,
      `${GATEWAY_TESTS}tokens.test.ts`,
      `${GATEWAY_TESTS}refusals.test.ts`,
    ],
    replacements: [
      {
        file: "gateway/src/admit/grant.ts",
        find: "    if (refusal !== undefined) return refusal;\n",
        replace: "",
      },
    ],
  },
  {
    name: "T-bytes-per-token",
    rule: "a prompt is bounded by a quarter of its bytes",
    stage: "unit",
    files: ["shared/src/money/bound"],
    replacements: [
      {
        file: "shared/src/money/bound.ts",
        find: "    request.bytes +\n",
        replace: "    Math.ceil(request.bytes / 4) +\n",
      },
    ],
  },
  {
    name: "T-parent",
    rule: "a token is admitted whatever its parent's status is",
    stage: "unit",
    files: ["shared/src/decide/", `${GATEWAY_TESTS}tokens.test.ts`],
    replacements: [
      {
        file: "shared/src/decide/ephemeral.ts",
        find: `  if (key.status === "revoked" || key.status === "deleted") return refuse("parent_revoked");\n`,
        replace: "",
      },
      {
        file: "shared/src/decide/ephemeral.ts",
        find: `  if (key.status !== "active") return refuse("key_inactive");\n`,
        replace: "",
      },
    ],
  },
  {
    name: "T-parent-generation",
    rule: "a token outlives the rotation of its parent",
    stage: "unit",
    files: ["shared/src/decide/", `${GATEWAY_TESTS}tokens.test.ts`],
    replacements: [
      {
        file: "shared/src/decide/ephemeral.ts",
        find: `generationLives(key, claims.generation, nowMs) ? undefined : refuse("parent_rotated")`,
        replace: `generationLives(key, claims.generation, nowMs) ? undefined : undefined`,
      },
    ],
  },
  {
    name: "T-wildcard",
    rule: "the bus template of a gateway has a wildcard in place of its name",
    stage: "stack",
    files: ["control-plane/src/fleet/isolation.stack.test.ts"],
    replacements: [
      {
        file: "control-plane/src/fleet/nats-jwt.ts",
        find: `pub: { allow: ["up.{{name()}}.>"] },`,
        replace: `pub: { allow: ["up.>"] },`,
      },
      {
        file: "control-plane/src/fleet/nats-jwt.ts",
        find: `"dn.gw.{{name()}}", `,
        replace: `"dn.gw.*", `,
      },
    ],
  },
  {
    name: "T-import",
    rule: "the control plane's account exports to whoever imports",
    stage: "stack",
    files: ["control-plane/src/fleet/isolation.stack.test.ts"],
    replacements: [
      {
        file: "control-plane/src/fleet/nats-jwt.ts",
        find: `type: "stream", account_token_position: 2 }`,
        replace: `type: "stream" }`,
      },
      {
        file: "control-plane/src/fleet/nats-jwt.ts",
        find: `response_type: "Singleton", account_token_position: 2 }`,
        replace: `response_type: "Singleton" }`,
      },
    ],
  },
  {
    name: "T-logged-body",
    rule: "a gateway logs what it is sent",
    stage: "unit",
    files: [`${GATEWAY_TESTS}no-secret.test.ts`],
    replacements: [
      {
        file: "gateway/src/forward/serve.ts",
        find: `  const asked = readModel(body.model);\n`,
        replace: `  deps.log.info({ body: new TextDecoder().decode(body.bytes) }, "request");\n  const asked = readModel(body.model);\n`,
      },
    ],
  },
];
