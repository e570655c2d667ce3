/** `/mcp`: servers whose tools keys may call, and what waits to be accepted of them. */
import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { useOpen } from "../logs/use-open.ts";
import { PageHead } from "../shell/page-head.tsx";
import { useMay } from "../shell/session.ts";
import { Button } from "../ui/button.tsx";
import { Loaded } from "../ui/loaded.tsx";
import { Nothing } from "../ui/nothing.tsx";
import { type McpActing, McpServerAction } from "./actions.tsx";
import { mcpServersQuery } from "./queries.ts";
import { McpServerTable } from "./server-table.tsx";
import { ToolsDialog } from "./tools-dialog.tsx";

export function McpPage() {
  const t = useTranslations("mcp");
  const query = useQuery(mcpServersQuery);
  const admin = useMay("admin");
  const { open, setOpen } = useOpen();
  const [acting, setActing] = useState<McpActing | null>(null);
  const shown = query.data?.find(({ id }) => id === open);
  const add = admin ? (
    <Button kind="primary" icon={Plus} onClick={() => setActing({ kind: "add" })}>
      {t("add")}
    </Button>
  ) : undefined;
  return (
    <>
      <PageHead
        title={t("title")}
        lead={t.rich("lead", { b: (chunks) => <b className="mono strong">{chunks}</b> })}
        {...(add === undefined ? {} : { actions: add })}
      />
      <Loaded query={query}>
        {(servers) =>
          servers.length === 0 ? (
            <Nothing title={t("emptyTitle")} text={t("empty")} />
          ) : (
            <McpServerTable servers={servers} onOpen={setOpen} onAct={admin ? setActing : undefined} />
          )
        }
      </Loaded>
      {acting === null ? null : (
        <McpServerAction
          acting={acting}
          onClose={() => setActing(null)}
          onAdded={(id) => {
            setActing(null);
            setOpen(id);
          }}
        />
      )}
      {shown === undefined || acting !== null ? null : (
        <ToolsDialog server={shown} mayDecide={admin} onClose={() => setOpen(undefined)} />
      )}
    </>
  );
}
