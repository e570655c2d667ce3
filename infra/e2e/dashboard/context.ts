/** What the browser stage's global setup hands to its tests. */
import type { Credentials } from "../../local/types.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Absolute path of a Chromium. */
    chromium: string;
    /** The stack that the tests share; a test that breaks things starts its own. */
    shared: {
      /** Of the control plane. */
      readonly url: string;
      readonly credentials: Credentials;
      readonly gateways: Readonly<Record<string, string>>;
    };
  }
}
