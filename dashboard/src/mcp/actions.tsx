import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useTranslations } from "use-intl";
import { ask, atOnce, resourceBody } from "../api/client.ts";
import { type MadeChange, useMade } from "../changes/use-made.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import type { McpServer } from "./queries.ts";
import { ServerForm } from "./server-form.tsx";

export type McpActing =
  | { readonly kind: "add" }
  | { readonly kind: "edit" | "enable" | "disable" | "delete"; readonly server: McpServer };

export interface McpServerActionProps {
  readonly acting: McpActing;
  readonly onClose: () => void;
  /** The next thing is to ask it what it offers. */
  readonly onAdded: (id: string) => void;
}

export function McpServerAction({ acting, onClose, onAdded }: McpServerActionProps) {
  const { sheet, finish } = useMade(onClose, "mcp-servers");
  if (sheet !== null) return sheet;
  switch (acting.kind) {
    case "add":
      return <ServerForm server={undefined} onClose={onClose} onMade={finish} onAdded={onAdded} />;
    case "edit":
      return <ServerForm server={acting.server} onClose={onClose} onMade={finish} onAdded={onAdded} />;
    case "enable":
      return <Enable server={acting.server} onClose={onClose} onMade={finish} />;
    case "disable":
    case "delete":
      return <Stop kind={acting.kind} server={acting.server} onClose={onClose} onMade={finish} />;
  }
}

interface ActionProps {
  readonly server: McpServer;
  readonly onClose: () => void;
  readonly onMade: (made: MadeChange) => void;
}

/** Gives back what was there: nothing to ask about, and the sheet says where it works again. */
function Enable({ server, onClose, onMade }: ActionProps) {
  const t = useTranslations("mcp");
  const { name } = server.attributes;
  const started = useRef(false);
  useEffect(() => {
    if (started.current) return;
    started.current = true;
    const body = resourceBody("mcp-server", { enabled: true });
    ask("PATCH", `/mcp-servers/${server.id}`, { body, headers: atOnce }).then(
      ({ meta }) =>
        onMade({ title: t("changedTitle", { name }), direction: "hold", operation: meta.operation }),
      onClose,
    );
  });
  return null;
}

function Stop({ kind, server, onClose, onMade }: ActionProps & { kind: "disable" | "delete" }) {
  const t = useTranslations("mcp");
  const { name } = server.attributes;
  const client = useQueryClient();
  const { data: impact } = useQuery(impactQuery(server.id));
  const stop = async () => {
    const { meta } =
      kind === "delete"
        ? await ask("DELETE", `/mcp-servers/${server.id}`, { headers: atOnce })
        : await ask("PATCH", `/mcp-servers/${server.id}`, {
            body: resourceBody("mcp-server", { enabled: false }),
            headers: atOnce,
          });
    void client.removeQueries({ queryKey: ["mcp-servers", "impact", server.id] });
    const title = t(kind === "delete" ? "deletedTitle" : "changedTitle", { name });
    onMade({ title, direction: "refuse", operation: meta.operation });
  };
  return (
    <FormDialog
      title={t(kind === "delete" ? "deleteTitle" : "disableTitle", { name })}
      submit={t(kind)}
      danger
      onClose={onClose}
      onSubmit={stop}
    >
      {() => (
        <>
          <p>{t(kind === "delete" ? "deleteText" : "disableText")}</p>
          {impact === undefined ? null : (
            <p className="strong">{impact === 0 ? t("breaksNothing") : t("breaks", { count: impact })}</p>
          )}
        </>
      )}
    </FormDialog>
  );
}

function impactQuery(id: string) {
  return queryOptions({
    queryKey: ["mcp-servers", "impact", id],
    queryFn: async ({ signal }) =>
      (await ask("GET", `/mcp-servers/${id}/impact`, { signal })).meta.impact?.apiKeys ?? 0,
    staleTime: 0,
  });
}
