import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslations } from "use-intl";
import { Bones } from "./bones.tsx";
import { ProblemPage } from "./problem.tsx";

export interface LoadedProps<Data> {
  readonly query: UseQueryResult<Data>;
  readonly children: (data: Data) => ReactNode;
}

/** What was read; bones until then, or why it could not be read. What is there stays while it is read again. */
export function Loaded<Data>({ query, children }: LoadedProps<Data>) {
  const t = useTranslations("ui");
  if (query.data !== undefined) return children(query.data);
  if (query.error !== null) return <ProblemPage error={query.error} onRetry={() => void query.refetch()} />;
  return (
    <section className="panel">
      <Bones label={t("loading")} />
    </section>
  );
}
