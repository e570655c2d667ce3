import { useNavigate, useRouterState, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";

/** Filters and cursor of a record's list, kept in the address. */
export function useRecordSearch() {
  const navigate = useNavigate();
  const search = useSearch({ strict: false });
  const path = useRouterState({ select: (state) => state.location.pathname });
  const set = useCallback(
    (name: string, value: string) =>
      void navigate({
        to: path.replace(/^\/dashboard/, ""),
        search: (before: Record<string, string | undefined>) => ({
          ...before,
          ...(name === "after" || name === "live" ? {} : { after: undefined }),
          [name]: value === "" ? undefined : value,
        }),
      }),
    [navigate, path],
  );
  const clear = useCallback(
    () => void navigate({ to: path.replace(/^\/dashboard/, ""), search: {} }),
    [navigate, path],
  );
  return { search, set, clear };
}
