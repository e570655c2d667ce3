import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { readUsageSearch, type UsageSearch } from "./search.ts";

/** Changes members of the address; an empty text takes one out. Whatever changes, the table begins at its first page. */
export type SetSearch = (change: Readonly<Record<string, string | undefined>>) => void;

/** What is looked at, kept in the address. */
export function useUsageSearch(): { readonly search: UsageSearch; readonly set: SetSearch } {
  const navigate = useNavigate();
  const raw = useSearch({ strict: false });
  const search = useMemo(() => readUsageSearch(raw), [raw]);
  const set = useCallback<SetSearch>(
    (change) =>
      void navigate({
        to: "/usage",
        search: (before: Record<string, string | undefined>) => {
          const after = { ...before, after: undefined, ...change };
          return Object.fromEntries(
            Object.entries(after).map(([name, value]) => [name, value === "" ? undefined : value]),
          );
        },
      }),
    [navigate],
  );
  return { search, set };
}
