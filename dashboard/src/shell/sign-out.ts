import { useQueryClient } from "@tanstack/react-query";
import { ask } from "../api/client.ts";
import { sessionQuery } from "../api/queries.ts";
import { useToast } from "../ui/toast.tsx";

/** Ends the session that asks; nothing that it has read stays in memory. */
export function useSignOut(): () => void {
  const client = useQueryClient();
  const toast = useToast();
  return () => {
    ask("DELETE", "/sessions/current").then(
      () => {
        sessionStorage.clear();
        client.setQueryData(sessionQuery.queryKey, null);
        client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== sessionQuery.queryKey[0] });
      },
      (error: Error) => toast(error.message),
    );
  };
}
