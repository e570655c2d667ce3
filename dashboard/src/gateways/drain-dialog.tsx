import { useQueryClient } from "@tanstack/react-query";
import { useTranslations } from "use-intl";
import { ask, atOnce } from "../api/client.ts";
import { fleetQuery, type Gateway } from "../api/queries.ts";
import { FormDialog } from "../ui/form-dialog.tsx";

/** Drains a gateway, or lets it take requests again; its card then says since when, and how many still run. */
export function DrainDialog({ gateway, onClose }: { gateway: Gateway; onClose: () => void }) {
  const t = useTranslations("gateways");
  const client = useQueryClient();
  const { name, drainingSince } = gateway.attributes;
  const draining = drainingSince !== null;
  const change = async () => {
    await ask(draining ? "DELETE" : "POST", `/gateways/${gateway.id}/drain`, { headers: atOnce });
    await client.invalidateQueries({ queryKey: fleetQuery.queryKey });
    onClose();
  };
  return (
    <FormDialog
      title={t(draining ? "resumeTitle" : "drainTitle", { name })}
      submit={t(draining ? "resume" : "drain")}
      onClose={onClose}
      onSubmit={change}
    >
      {() => <p>{t(draining ? "resumeText" : "drainText")}</p>}
    </FormDialog>
  );
}
