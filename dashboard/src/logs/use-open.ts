import { useNavigate, useRouterState, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";

/** Which detail lies over the page: kept in the address, so that a link opens it and Back closes it. */
export function useOpen() {
  const navigate = useNavigate();
  const { open } = useSearch({ strict: false });
  const path = useRouterState({ select: (state) => state.location.pathname });
  const setOpen = useCallback(
    (id: string | undefined) =>
      void navigate({
        to: path.replace(/^\/dashboard/, ""),
        search: (before: Record<string, string | undefined>) => ({ ...before, open: id }),
        resetScroll: false,
      }),
    [navigate, path],
  );
  return { open, setOpen };
}
