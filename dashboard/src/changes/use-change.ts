import { useState } from "react";
import { type Answer, type Asking, ask, atOnce } from "../api/client.ts";

/** Makes one change; the answer stays with whoever asked, because it may hold a secret that no cache may keep. */
export function useChange<Data>() {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const change = async (
    method: "POST" | "PATCH" | "DELETE",
    path: string,
    asking: Asking = {},
  ): Promise<Answer<Data> | undefined> => {
    setBusy(true);
    setError(null);
    try {
      return await ask<Data>(method, path, { ...asking, headers: { ...atOnce, ...asking.headers } });
    } catch (failure) {
      setError(failure);
      return undefined;
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, change };
}
