import { ProblemPage } from "../ui/problem.tsx";

/** A page that has thrown; the frame around it goes on. */
export function RouteError({ error, reset }: { error: unknown; reset: () => void }) {
  return <ProblemPage error={error} onRetry={reset} />;
}
