import { describe, expect, it } from "vitest";
import { Delta } from "./delta.ts";
import { Change } from "./record.ts";
import { GENESIS_CHAIN } from "./scalars.ts";
import { controlSubjects, replicaSubjects, senderOf } from "./subjects.ts";

const project = { id: "prj_aaaaaaaaaaaa", enabled: true, budgetId: null };

describe("a change", () => {
  it("of an unknown kind is not read as something else", () => {
    expect(Change.safeParse({ op: "put", kind: "wormhole", id: project.id, record: project }).success).toBe(
      false,
    );
    expect(Change.safeParse({ op: "patch", kind: "project", id: project.id, record: project }).success).toBe(
      false,
    );
  });

  it("cannot delete a key: a deleted key is a put of its tombstone", () => {
    expect(Change.safeParse({ op: "del", kind: "key", id: "key_aaaaaaaaaaaa" }).success).toBe(false);
  });
});

describe("a delta", () => {
  const delta = {
    v: 1,
    org: "org_aaaaaaaaaaaa",
    epoch: 1,
    rev: 1,
    prev: GENESIS_CHAIN,
    atMs: 1,
    actor: { kind: "member", id: "mem_aaaaaaaaaaaa", name: "ada@example.com" },
    action: "project.create",
    restrictive: false,
    inflight: "drain",
    operation: null,
    changes: [{ op: "put", kind: "project", id: project.id, record: project }],
  };

  it("is read whole, its unknown fields ignored", () => {
    expect(Delta.parse({ ...delta, later: true })).toEqual(delta);
  });

  it("of a version we do not know is refused", () => {
    expect(Delta.safeParse({ ...delta, v: 2 }).success).toBe(false);
  });
});

describe("subjects", () => {
  it("say on the control plane's side who speaks, as the server stamped it", () => {
    expect(senderOf("up.ACC.rep_1.hb")).toEqual({ account: "ACC", replica: "rep_1" });
    expect(senderOf("dn.ACC.d")).toBeUndefined();
  });

  it("differ between the two sides by the account token alone", () => {
    expect(controlSubjects.deltas("ACC")).toBe(replicaSubjects.deltas.replace("dn.", "dn.ACC."));
    expect(controlSubjects.own("ACC", "r")).toBe(replicaSubjects.own("r").replace("dn.", "dn.ACC."));
  });
});
