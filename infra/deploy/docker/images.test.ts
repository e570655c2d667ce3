/** What can be checked of images, compose and units where there is no engine for containers. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { readConfig as readControlPlane } from "@claviger/control-plane/runtime/node/config";
import { readConfig as readGateway } from "@claviger/gateway/runtime/node/config";
import { expect, test } from "vitest";
import { parse } from "yaml";

const CHECKOUT = resolve(import.meta.dirname, "../../..");
const dockerfile = readFileSync(join(import.meta.dirname, "Dockerfile"), "utf8").replaceAll("\\\n", " ");
const stages = dockerfile.split(/^FROM /m).slice(1);
const images = stages.filter((stage) => /AS (control-plane|gateway)\n/.test(stage));

test("every base image has a version, and everything that is copied is there", () => {
  for (const stage of stages) {
    const [from = ""] = stage.split(/\s/);
    expect(from === "base" || /:\d+\.\d+\.\d+/.test(from)).toBe(true);
    for (const [, sources = ""] of stage.matchAll(/^COPY (?!--from)(.+) \S+$/gm)) {
      for (const source of sources.split(" "))
        expect([source, existsSync(join(CHECKOUT, source))]).toEqual([source, true]);
    }
  }
});

test("an image runs as nobody, says how it is checked, and starts a program that exists", () => {
  expect(images).toHaveLength(2);
  for (const image of images) {
    expect(image).toMatch(/^USER 65534:65534$/m);
    expect(image).toMatch(/^HEALTHCHECK /m);
    expect(image).toMatch(/^STOPSIGNAL SIGTERM$/m);
    const command = JSON.parse(/^CMD (\[.*\])$/m.exec(image)?.[1] ?? "[]") as string[];
    expect(existsSync(join(CHECKOUT, command[1] ?? ""))).toBe(true);
    // Whatever is written while it runs is written to a volume or to /tmp.
    expect(image.split(/^USER /m)[1]).not.toMatch(/^RUN /m);
  }
});

interface Service {
  readonly environment?: Record<string, string>;
  readonly read_only?: boolean;
  readonly cap_drop?: string[];
  readonly security_opt?: string[];
  readonly build?: { readonly target: string };
  readonly image: string;
  readonly depends_on?: Record<string, { readonly condition: string }>;
  readonly volumes?: string[];
  readonly command?: string[];
}

const compose = parse(readFileSync(join(import.meta.dirname, "compose.yaml"), "utf8"), { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, null>;
};

test("compose: our processes are read-only and without rights, and take the settings that they are given", () => {
  const secrets: Record<string, string> = {
    CLAVIGER_KEK: Buffer.alloc(32).toString("base64"),
    CLAVIGER_OPERATOR_TOKEN: "t".repeat(40),
    CLAVIGER_GATEWAY_MASTER_KEY: Buffer.alloc(32).toString("base64"),
    POSTGRES_PASSWORD: "secret",
  };
  const filled = (text: string) =>
    text.replaceAll(
      /\$\{(\w+)(?::-([^}]*)|:\?)?\}/g,
      (_, name: string, otherwise?: string) => secrets[name] ?? otherwise ?? "",
    );
  for (const [name, service] of Object.entries(compose.services)) {
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      expect(Object.keys(compose.services)).toContain(other);
      expect(condition).toMatch(/^service_(healthy|completed_successfully)$/);
    }
    for (const volume of service.volumes ?? [])
      expect(Object.keys(compose.volumes)).toContain(volume.split(":")[0]);
    if (service.build === undefined) continue;
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ["ALL"],
      security_opt: ["no-new-privileges:true"],
    });
    const env = Object.fromEntries(
      Object.entries(service.environment ?? {}).map(([key, value]) => [key, filled(value)]),
    );
    if (service.build.target === "gateway") expect(readGateway(env).port).toBe(8701);
    else expect([name, readControlPlane(env).port]).toEqual([name, 8700]);
  }
});

test.each(readdirSync(join(import.meta.dirname, "../systemd")))(
  "unit %s is nobody's, restarts, and starts a program that exists",
  (name) => {
    const unit = readFileSync(join(import.meta.dirname, "../systemd", name), "utf8");
    for (const line of unit.split("\n"))
      expect(line).toMatch(/^($|#|\[(Unit|Service|Install)\]$|[A-Z][A-Za-z]+=)/);
    for (const setting of [
      "User=",
      "Restart=always",
      "NoNewPrivileges=yes",
      "ProtectSystem=strict",
      "UMask=0077",
      "[Install]",
    ]) {
      expect(unit).toContain(setting);
    }
    const [, program] = /^ExecStart=\S+ (\S+\.ts)$/m.exec(unit) ?? [];
    if (!name.includes("nats")) expect(existsSync(join(CHECKOUT, program ?? "?"))).toBe(true);
    const [, page = ""] = /^Documentation=file:\/\/\/opt\/claviger\/(.+)$/m.exec(unit) ?? [];
    expect(existsSync(join(CHECKOUT, page))).toBe(true);
  },
);
