/** Asking an address, and looking at its certificate. */
import { connect, type PeerCertificate } from "node:tls";
import { error, type Finding, fine, warning, whyOf } from "./finding.ts";

const TIMEOUT_MS = 10_000;
const DAY_MS = 86_400_000;
/** A certificate that ends sooner is worth a word. */
const SOON_DAYS = 14;

export interface Heard {
  readonly status: number;
  readonly headers: Headers;
  readonly json: unknown;
}

/** The answer, its body read as JSON where it is any. Throws when nobody answers. */
export async function ask(url: string, headers: Record<string, string> = {}): Promise<Heard> {
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS), redirect: "manual" });
  const text = await response.text();
  return { status: response.status, headers: response.headers, json: jsonOf(text) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** True of this machine's own addresses, where plain HTTP is nobody else's to read. */
export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === "localhost" || hostname === "[::1]" || /^127\./.test(hostname);
}

/** What is to be said of an address's transport: plain HTTP to another machine, or its certificate. */
export async function checkTls(about: string, url: string, now: Date): Promise<Finding[]> {
  if (url.startsWith("http:")) {
    if (isLoopback(url)) return [];
    const mend =
      "put a proxy with a certificate before it and use its https:// address: keys travel in the clear";
    return [error(about, `${url} is plain HTTP to another machine`, mend)];
  }
  try {
    const { refused, certificate } = await handshake(new URL(url));
    return [judge(about, url, refused, certificate, now)];
  } catch (thrown) {
    return [
      error(about, `${url} does not speak TLS (${whyOf(thrown)})`, "check the port, and that TLS ends there"),
    ];
  }
}

function judge(
  about: string,
  url: string,
  refused: Error | undefined,
  certificate: PeerCertificate,
  now: Date,
): Finding {
  const endsAtMs = Date.parse(certificate.valid_to);
  if (endsAtMs <= now.getTime()) {
    return error(
      about,
      `the certificate of ${url} ended at ${isoOf(endsAtMs)}`,
      "renew it and reload whoever ends TLS there",
    );
  }
  if (refused !== undefined) {
    const name = new URL(url).hostname;
    const mend = /altname|Host:/i.test(refused.message)
      ? `get a certificate that names ${name}, or use the name that it has`
      : "use a certificate of a known authority, or name yours by NODE_EXTRA_CA_CERTS, here and for gateways";
    return error(about, `the certificate of ${url} is not trusted: ${refused.message}`, mend);
  }
  const days = Math.floor((endsAtMs - now.getTime()) / DAY_MS);
  if (days < SOON_DAYS) return warning(about, `the certificate of ${url} ends in ${days} days`, "renew it");
  return fine(about, `TLS, certificate good for ${days} days`);
}

const isoOf = (ms: number) => new Date(ms).toISOString();

/** The certificate, whether it is trusted or not. */
function handshake(url: URL): Promise<{ refused: Error | undefined; certificate: PeerCertificate }> {
  return new Promise((resolve, reject) => {
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const name = /^[\d.]+$|:/.test(host) ? {} : { servername: host };
    const socket = connect({ host, port: Number(url.port || 443), rejectUnauthorized: false, ...name });
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error("no answer in time")));
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      // Typed as an Error, and null when there is none.
      const refused: unknown = socket.authorizationError;
      resolve({
        refused:
          refused === null || refused === undefined
            ? undefined
            : refused instanceof Error
              ? refused
              : new Error(String(refused)),
        certificate: socket.getPeerCertificate(),
      });
      socket.destroy();
    });
  });
}
