import { issueAgentToken } from "../../agents/token.ts";
import { oauthError, oauthToken, readTokenRequest } from "../oauth.ts";
import { readBytes } from "../read-body.ts";
import { openRoute, type Route } from "../route.ts";

/** Where agents get their tokens: outside of `/api/v1`, in the shapes of RFC 6749. */
export const oauthRoutes: readonly Route[] = [
  openRoute({
    method: "POST",
    path: "/oauth/token",
    summary: "Exchange an agent's credentials for a token (RFC 6749 §4.4: client_credentials)",
    access: "public",
    body: { kind: "raw" },
    errors: "oauth",
    handle: async ({ ports, request }) => {
      const asked = readTokenRequest(request, await readBytes(request));
      if (typeof asked === "string") return { kind: "raw", response: oauthError(asked) };
      const answer = await issueAgentToken(ports, asked);
      const response =
        answer.kind === "token"
          ? oauthToken(answer.token, answer.expiresInSeconds, asked.scope)
          : oauthError(answer.error);
      return { kind: "raw", response };
    },
  }),
];
