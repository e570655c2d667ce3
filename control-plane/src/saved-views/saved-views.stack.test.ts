import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type Heard,
  makeMember,
  makeTenant,
  resource,
  startApi,
  type Tenant,
  type TestApi,
} from "../http/testing/api.ts";

let api: TestApi;
let tenant: Tenant;
beforeAll(async () => {
  api = await startApi();
  tenant = await makeTenant(api);
});
afterAll(() => api?.stop());

const save = (attributes: object, token = tenant.token): Promise<Heard> =>
  api.call("POST", "/api/v1/saved-views", {
    token,
    body: resource("saved-view", { page: "keys", query: "status=active", ...attributes }),
  });
const list = async (token = tenant.token) =>
  (await api.call("GET", "/api/v1/saved-views?filter[page]=keys", { token })).resources.map(
    ({ attributes }) => attributes.name,
  );
const edit = (id: string, attributes: object, token: string) =>
  api.call("PATCH", `/api/v1/saved-views/${id}`, { token, body: resource("saved-view", attributes) });
const remove = (id: string, token: string) => api.call("DELETE", `/api/v1/saved-views/${id}`, { token });

test("a view is one's own until it is shared, and then everybody's in the organization", async () => {
  const [viewer, other] = [await makeMember(api, tenant, "viewer"), await makeTenant(api)];
  const made = await save({ name: "Mine" });
  expect([made.status, made.resource.attributes]).toMatchObject([
    201,
    { page: "keys", name: "Mine", query: "status=active", shared: false, ownerId: tenant.memberId },
  ]);
  expect([await list(), await list(viewer.token)]).toEqual([["Mine"], []]);
  expect((await edit(made.resource.id, { shared: true }, tenant.token)).status).toBe(200);
  expect([await list(viewer.token), await list(other.token)]).toEqual([["Mine"], []]);
  expect((await remove(made.resource.id, tenant.token)).status).toBe(200);
  expect(await list(viewer.token)).toEqual([]);
});

test("a viewer saves but does not share; others' shared views are changed by admins only, private ones by nobody else", async () => {
  const [viewer, member, admin] = await Promise.all([
    makeMember(api, tenant, "viewer"),
    makeMember(api, tenant, "member"),
    makeMember(api, tenant, "admin"),
  ]);
  expect((await save({ name: "v" }, viewer.token)).status).toBe(201);
  expect((await save({ name: "v", shared: true }, viewer.token)).refusal).toBe("403 insufficient_role");
  const shared = (await save({ name: "shared", shared: true }, member.token)).resource.id;
  const hidden = (await save({ name: "hidden" }, member.token)).resource.id;
  expect((await edit(shared, { name: "x" }, viewer.token)).refusal).toBe("403 insufficient_role");
  expect((await remove(hidden, admin.token)).status).toBe(404);
  expect((await edit(shared, { name: "renamed" }, admin.token)).resource.attributes.name).toBe("renamed");
  expect((await remove(shared, admin.token)).status).toBe(200);
});

test("what is no view is refused at its place", async () => {
  expect((await save({ name: "" })).refusal).toBe("400 invalid_value /data/attributes/name");
  expect((await save({ name: "x", page: "../keys" })).refusal).toBe(
    "400 invalid_value /data/attributes/page",
  );
});
