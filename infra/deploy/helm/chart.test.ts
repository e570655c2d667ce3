import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readConfig as readControlPlane } from "@claviger/control-plane/runtime/node/config";
import { readConfig as readGateway } from "@claviger/gateway/runtime/node/config";
import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { renderTemplate, type Values } from "./render.ts";

const chart = join(import.meta.dirname, "claviger");
const read = (name: string) => readFileSync(join(chart, name), "utf8");
const defaults = parse(read("values.yaml")) as { [name: string]: Record<string, unknown> };
const accepts = new Ajv({ strict: false }).compile(JSON.parse(read("values.schema.json")));
const templates = readdirSync(join(chart, "templates"));

interface Container {
  readonly name: string;
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly securityContext: Record<string, unknown>;
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly command?: readonly string[];
  readonly volumeMounts: readonly { readonly name: string }[];
  readonly [probe: `${string}Probe`]: { readonly httpGet: { readonly port: string } };
}

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly replicas?: number;
    readonly serviceName?: string;
    readonly selector: Record<string, unknown> & { readonly matchLabels?: Record<string, string> };
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
    readonly template: {
      readonly metadata: { readonly labels: Record<string, string> };
      readonly spec: {
        readonly securityContext: Record<string, unknown>;
        readonly containers: readonly Container[];
        readonly initContainers?: readonly Container[];
        readonly volumes?: readonly { readonly name: string }[];
      };
    };
  };
}

function render(values: Values): Manifest[] {
  return templates.flatMap((name) =>
    parseAllDocuments(renderTemplate(read(`templates/${name}`), values, "test")).flatMap((document) => {
      expect(document.errors).toEqual([]);
      const manifest = document.toJS() as Manifest | null;
      return manifest === null ? [] : [manifest];
    }),
  );
}

const workloads = (values: Values) =>
  render(values).filter(({ kind }) => kind === "Deployment" || kind === "StatefulSet");
const withAll: Values = {
  ...defaults,
  controlPlane: {
    ...defaults.controlPlane,
    natsPublicUrls: "wss://nats.example.com",
    trustedProxies: "10.0.0.0/8",
  },
  nats: {
    ...defaults.nats,
    enabled: false,
    urls: "tls://nats-0.example.com:4222",
    authorityConfigMap: "nats-ca",
  },
  gateway: {
    ...defaults.gateway,
    controlPlaneUrl: "https://cp.example.com",
    trustedProxies: "10.0.0.0/8",
    egressAllow: "10.1.0.0/16",
    storageClassName: "fast",
  },
};

test("the values that come with it fit its schema, others do not", () => {
  expect(accepts(defaults)).toBe(true);
  expect(accepts(withAll)).toBe(true);
  expect(accepts({ ...defaults, gatway: {} })).toBe(false);
  expect(accepts({ ...defaults, nats: { ...defaults.nats, enabled: false } })).toBe(false);
  expect(accepts({ ...defaults, gateway: { ...defaults.gateway, image: "claviger-gateway:latest" } })).toBe(
    false,
  );
});

test("every value is used by a template, and is documented", () => {
  const text = templates.map((name) => read(`templates/${name}`)).join("");
  const paths = Object.entries(defaults).flatMap(([name, value]) =>
    typeof value === "object"
      ? Object.keys(value).map((inner) => `.Values.${name}.${inner}`)
      : [`.Values.${name}`],
  );
  expect(paths.filter((path) => !text.includes(path))).toEqual([]);
});

describe.each([
  ["as it comes", defaults as Values],
  ["with every option", withAll],
])("rendered %s", (_name, values) => {
  test("every pod is nobody's, on a read-only root, without rights, with probes that lead to a port", () => {
    for (const { spec } of workloads(values)) {
      const pod = spec.template.spec;
      expect(pod.securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: "RuntimeDefault" },
      });
      for (const container of [...pod.containers, ...(pod.initContainers ?? [])]) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        });
      }
      for (const container of pod.containers) {
        const ports = (container.ports ?? []).map(({ name }) => name);
        for (const probe of ["livenessProbe", "readinessProbe"] as const)
          expect(ports).toContain(container[probe]?.httpGet.port);
      }
    }
  });

  test("selectors find their pods, and mounts their volumes", () => {
    const all = render(values);
    for (const { spec, kind } of workloads(values)) {
      expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels ?? {});
      const own = [
        ...(spec.template.spec.volumes ?? []),
        ...(spec.volumeClaimTemplates ?? []).map(({ metadata }) => metadata),
      ];
      for (const { volumeMounts } of spec.template.spec.containers) {
        for (const { name } of volumeMounts) expect(own.map((volume) => volume.name)).toContain(name);
      }
      if (kind !== "StatefulSet") continue;
      expect(all.some((other) => other.kind === "Service" && other.metadata.name === spec.serviceName)).toBe(
        true,
      );
      expect(spec.volumeClaimTemplates).toHaveLength(1);
    }
  });

  test("the processes take the settings that they are given", () => {
    const secrets: Record<string, string> = {
      DATABASE_URL: "postgres://u:p@db/claviger",
      CLAVIGER_KEK: Buffer.alloc(32).toString("base64"),
      CLAVIGER_OPERATOR_TOKEN: "t".repeat(40),
      CLAVIGER_GATEWAY_MASTER_KEY: Buffer.alloc(32).toString("base64"),
      CLAVIGER_ENROLMENT_TOKEN: "clvt_0123456789",
    };
    const environment = (name: string) => {
      const containers = workloads(values).flatMap(({ spec }) => spec.template.spec.containers);
      const { env = [] } = containers.find((container) => container.name === name) ?? {};
      return Object.fromEntries(env.map((each) => [each.name, each.value ?? secrets[each.name] ?? ""]));
    };
    const controlPlane = environment("control-plane");
    expect(readControlPlane(controlPlane)).toMatchObject({ port: 8700, host: "0.0.0.0" });
    const gateway = environment("gateway");
    expect(readGateway(gateway)).toMatchObject({ port: 8701, home: "/var/lib/claviger/home" });
    const known = [...Object.keys(secrets), "NATS_URL", "NODE_EXTRA_CA_CERTS", "HOST", "PORT"];
    const ours =
      /^CLAVIGER_(NATS_PUBLIC_URLS|PUBLIC_URL|TRUSTED_PROXIES|EGRESS_ALLOW|CONTROL_PLANE_URL|GATEWAY_HOME)$/;
    const names = [...Object.keys(controlPlane), ...Object.keys(gateway)];
    expect(names.filter((name) => !known.includes(name) && !ours.test(name))).toEqual([]);
  });
});

test("what the renderer does not know stops it", () => {
  expect(() => renderTemplate("{{ range .Values.x }}{{ end }}", { x: [] }, "test")).toThrow(
    "is not understood",
  );
  expect(() => renderTemplate("{{ .Values.y }}", {}, "test")).toThrow(".Values.y is not in values.yaml");
});
