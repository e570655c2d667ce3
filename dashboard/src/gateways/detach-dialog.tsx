import type { GatewayHoldings } from "@claviger/shared/api/gateway";
import type { OperationView } from "@claviger/shared/sync/operation";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { ask, atOnce } from "../api/client.ts";
import { fleetQuery, type Gateway } from "../api/queries.ts";
import { ChangeSheet } from "../changes/change-sheet.tsx";
import { TextField } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";

interface Detached {
  readonly operation: OperationView;
  readonly held: GatewayHoldings;
}

/** Detaches for good, then shows who has confirmed and what the gateway could read until then. */
export function DetachDialog({ gateway, onClose }: { gateway: Gateway; onClose: () => void }) {
  const t = useTranslations("gateways");
  const client = useQueryClient();
  const [typed, setTyped] = useState("");
  const [detached, setDetached] = useState<Detached | null>(null);
  const { name } = gateway.attributes;
  if (detached !== null) {
    return (
      <ChangeSheet
        title={t("detachedTitle", { name })}
        direction="refuse"
        operation={detached.operation}
        onClose={onClose}
        extra={<Held name={name} held={detached.held} />}
      />
    );
  }
  const detach = async () => {
    const { meta } = await ask("DELETE", `/gateways/${gateway.id}`, { headers: atOnce });
    void client.invalidateQueries({ queryKey: fleetQuery.queryKey });
    if (meta.operation) setDetached({ operation: meta.operation, held: meta.held as GatewayHoldings });
    else onClose();
  };
  return (
    <FormDialog
      title={t("detachTitle", { name })}
      submit={t("detach")}
      danger
      disabled={typed !== name}
      onClose={onClose}
      onSubmit={detach}
    >
      {() => (
        <>
          <p className="soft">{t("detachText")}</p>
          <TextField
            id="detach-name"
            label={t("detachName")}
            value={typed}
            autoComplete="off"
            onChange={(event) => setTyped(event.target.value)}
          />
        </>
      )}
    </FormDialog>
  );
}

function Held({ name, held }: { name: string; held: GatewayHoldings }) {
  const t = useTranslations("gateways");
  return (
    <div className="gate">
      <b className="strong">{t("heldTitle", { name })}</b>
      <p>{t("heldKeys", { count: held.apiKeys })}</p>
      <p>{t("heldLlm", { count: held.llmApiKeys.length })}</p>
      <ul className="soft col-span-full">
        {held.llmApiKeys.map((key) => (
          <li key={key.id} className="mono">
            {key.name} ({key.provider})
          </li>
        ))}
      </ul>
    </div>
  );
}
