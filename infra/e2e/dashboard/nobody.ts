import { expect, inject } from "vitest";
import type { Place } from "../support/sign-in.ts";

/** An organization without anything, and its owner. */
export async function nobody(name: string): Promise<Place> {
  const { url, credentials } = inject("shared");
  const adminEmail = `owner-${name.toLowerCase().replaceAll(" ", "-")}@nothing.example`;
  const owner = { adminEmail, adminPassword: "a password of an owner" };
  const answer = await fetch(`${url}/api/v1/organizations`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${credentials.operatorToken}`,
      "content-type": "application/vnd.api+json",
    },
    body: JSON.stringify({ data: { type: "organization", attributes: { name, ...owner } } }),
  });
  expect(answer.status).toBe(201);
  return { url, credentials: { ...credentials, ...owner } };
}
