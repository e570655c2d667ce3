/** Words, cache, toasts and the session stand around the pages; who is not signed in sees none of them. */
import { CSPProvider } from "@base-ui/react/csp-provider";
import { QueryClient, QueryClientProvider, useQuery, useQueryClient } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useState } from "react";
import { IntlProvider } from "use-intl";
import { onSessionEnded, RequestFailed } from "./api/client.ts";
import { sessionQuery } from "./api/queries.ts";
import { isJoining } from "./members/joining.ts";
import { router } from "./router.tsx";
import { SessionContext } from "./shell/session.ts";
import { SignIn } from "./shell/sign-in.tsx";
import { ProblemPage } from "./ui/problem.tsx";
import { ToastArea } from "./ui/toast.tsx";
import type { messages } from "./words/en.ts";

const JoinPage = lazy(async () => ({ default: (await import("./members/join-page.tsx")).JoinPage }));

const RETRIES_MAX = 2;

const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // What the API has refused it refuses again; what did not arrive may arrive.
      retry: (failures, error) =>
        failures < RETRIES_MAX &&
        error instanceof RequestFailed &&
        (error.status === 0 || error.status >= 502),
    },
  },
});

export function App({ words }: { words: typeof messages }) {
  return (
    <IntlProvider locale="en" timeZone="UTC" messages={words}>
      <CSPProvider disableStyleElements>
        <QueryClientProvider client={queryClient}>
          <ToastArea>
            <Gate />
          </ToastArea>
        </QueryClientProvider>
      </CSPProvider>
    </IntlProvider>
  );
}

/** The address stays as it is while somebody signs in, so that the page they wanted is the page they get. */
function Gate() {
  const client = useQueryClient();
  const [wasIn, setWasIn] = useState(false);
  const { data: session, error, refetch } = useQuery(sessionQuery);
  useEffect(() => onSessionEnded(() => client.setQueryData(sessionQuery.queryKey, null)), [client]);
  useEffect(() => {
    if (session) setWasIn(true);
  }, [session]);
  if (isJoining()) {
    return (
      <Suspense>
        <JoinPage />
      </Suspense>
    );
  }
  if (session === undefined) {
    return error === null ? null : (
      <main className="page">
        <ProblemPage error={error} onRetry={() => void refetch()} />
      </main>
    );
  }
  if (session === null) return <SignIn again={wasIn} />;
  return (
    <SessionContext value={session.attributes}>
      <RouterProvider router={router} />
    </SessionContext>
  );
}
