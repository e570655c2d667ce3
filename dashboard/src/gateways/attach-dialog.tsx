import type { EnrolmentTokenView } from "@claviger/shared/api/gateway";
import type { Resource } from "@claviger/shared/api/resource";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { CircleCheck, CircleDashed } from "lucide-react";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { ask } from "../api/client.ts";
import { fleetQuery } from "../api/queries.ts";
import { Button } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { useNow } from "../ui/now.tsx";
import { span } from "../words/format.ts";

interface Issued {
  readonly token: EnrolmentTokenView;
  readonly secret: string;
}

/** Names a gateway, then shows the command by which it joins, and when it has. */
export function AttachDialog({ onClose }: { onClose: () => void }) {
  const t = useTranslations("gateways");
  const client = useQueryClient();
  const [issued, setIssued] = useState<Issued | null>(null);
  if (issued !== null) return <Join issued={issued} onClose={onClose} />;
  const issue = async (form: FormData) => {
    const body = {
      name: String(form.get("name")),
      region: String(form.get("region")),
      replicas: Number(form.get("replicas")),
    };
    const { data, meta } = await ask<Resource<EnrolmentTokenView>>("POST", "/gateways/enrolment-tokens", {
      body,
    });
    void client.invalidateQueries({ queryKey: fleetQuery.queryKey });
    setIssued({ token: data.attributes, secret: meta.secretKey ?? "" });
  };
  return (
    <FormDialog
      title={t("attach")}
      submit={t("makeToken")}
      onClose={onClose}
      onSubmit={issue}
      fields={["name", "region", "replicas"]}
    >
      {(errorOf) => <Fields errorOf={errorOf} />}
    </FormDialog>
  );
}

function Fields({ errorOf }: { errorOf: (attribute: string) => string | undefined }) {
  const t = useTranslations("gateways");
  return (
    <>
      <TextField
        id="gateway-name"
        name="name"
        label={t("name")}
        hint={t("nameHint")}
        error={errorOf("name")}
        autoComplete="off"
        required
      />
      <TextField
        id="gateway-region"
        name="region"
        className="half"
        label={t("region")}
        error={errorOf("region")}
        autoComplete="off"
        required
      />
      <TextField
        id="gateway-replicas"
        name="replicas"
        className="half"
        type="number"
        min={1}
        max={64}
        defaultValue={1}
        label={t("count")}
        error={errorOf("replicas")}
      />
    </>
  );
}

function Join({ issued, onClose }: { issued: Issued; onClose: () => void }) {
  const t = useTranslations("gateways");
  const ui = useTranslations("ui");
  const { name, replicas } = issued.token;
  const command = joinCommand(issued);
  return (
    <Dialog
      title={t("joinTitle", { name })}
      onClose={onClose}
      width={680}
      dismissable={false}
      focus="copy-join"
      footer={
        <>
          <span className="note" />
          <Button onClick={onClose}>{ui("done")}</Button>
        </>
      }
    >
      <div className="body-pad">
        <p className="soft">
          {t("joinText")} {replicas > 1 ? t("joinReplicas", { count: replicas }) : ""}
        </p>
        <div className="code join">
          <div className="bar">
            <span className="soft px-2 text-xs">Node</span>
            <CopyButton text={command} className="copy" id="copy-join" />
          </div>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reached by the keyboard */}
          <pre tabIndex={0}>{command}</pre>
          <Arrival token={issued.token} />
        </div>
      </div>
    </Dialog>
  );
}

function Arrival({ token }: { token: EnrolmentTokenView }) {
  const t = useTranslations("gateways");
  const now = useNow();
  const { data: fleet = [] } = useQuery(fleetQuery);
  const { name } = token;
  const status = fleet.find(({ id }) => id === token.gatewayId)?.attributes.status;
  const joined = status !== undefined && status !== "pending";
  const left = Date.parse(token.expiresAt) - now;
  return (
    <p className="foot" role="status">
      <Icon of={joined ? CircleCheck : CircleDashed} spin={!joined} />
      <span>{joined ? t("joined", { name }) : left > 0 ? t("waitingFor", { name }) : t("tokenEnded")}</span>
      {joined || left <= 0 ? null : <span className="num">{t("tokenEnds", { span: span(left) })}</span>}
    </p>
  );
}

/** For a Node gateway on this or another machine; its folder keeps its keys. */
function joinCommand({ token, secret }: Issued): string {
  const home = `gateways/${token.name}`;
  return [
    // The key that seals its state must be the same at every start.
    `mkdir -p ${home} && [ -s ${home}.key ] || (umask 077; openssl rand -base64 32 > ${home}.key)`,
    `CLAVIGER_CONTROL_PLANE_URL=${location.origin} \\`,
    `CLAVIGER_ENROLMENT_TOKEN=${secret} \\`,
    `CLAVIGER_GATEWAY_HOME=${home} CLAVIGER_GATEWAY_MASTER_KEY=$(cat ${home}.key) \\`,
    "CLAVIGER_PUBLIC_URL=http://127.0.0.1:8801 PORT=8801 \\",
    "node_modules/.bin/node gateway/src/runtime/node/main.ts",
  ].join("\n");
}
