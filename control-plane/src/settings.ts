/** What the operator has decided for the whole control plane; `runtime/<place>/main.ts` reads it, nobody else. */
import type { IpRanges } from "@claviger/shared/decide/ip-ranges";

export interface Settings {
  /** Origin under which browsers reach this control plane, e.g. `https://keys.example.com`; decides cookie security. */
  readonly publicUrl: string;
  /** At least 32 characters (`CLAVIGER_OPERATOR_TOKEN`). */
  readonly operatorToken: string;
  /** `host:port` or CIDR entries that may be called without https (`CLAVIGER_EGRESS_ALLOW`). */
  readonly egressAllow: readonly string[];
  /** Proxies that may say who asks (`CLAVIGER_TRUSTED_PROXIES`); absent: none. */
  readonly trustedProxies?: IpRanges | undefined;
  /** Whether e-mail can be sent (`CLAVIGER_SMTP_URL`); absent: it cannot. */
  readonly mail?: boolean | undefined;
  /** Folder with the built dashboard; absent: none is served. */
  readonly dashboardDir?: string | undefined;
}
