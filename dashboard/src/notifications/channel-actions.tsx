import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useTranslations } from "use-intl";
import { ask, atOnce } from "../api/client.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { Problem } from "../ui/problem.tsx";
import { SecretDialog } from "../ui/secret-dialog.tsx";
import { ChannelForm } from "./channel-form.tsx";
import { type Channel, channelsQuery, type Delivery, deliveriesQuery } from "./queries.ts";

export type Acting =
  | { readonly kind: "add" }
  | { readonly kind: "test" | "edit" | "rotate" | "delete"; readonly channel: Channel };

interface Secret {
  readonly name: string;
  readonly secret: string;
  readonly head: string;
}

export function ChannelAction({ acting, onClose }: { acting: Acting; onClose: () => void }) {
  const t = useTranslations("notifications");
  const client = useQueryClient();
  const [shown, setShown] = useState<Secret | null>(null);
  const done = (name: string, secret: string | undefined, head: string) => {
    void client.invalidateQueries({ queryKey: channelsQuery.queryKey });
    if (secret === undefined) onClose();
    else setShown({ name, secret, head });
  };
  const made = ({ attributes: { name } }: Channel, secret: string | undefined) =>
    done(name, secret, t("secretMade"));
  if (shown !== null) {
    const { name, ...once } = shown;
    const title = t("secretTitle", { name });
    return <SecretDialog {...once} title={title} warning={t("secretOnce")} onClose={onClose} />;
  }
  switch (acting.kind) {
    case "add":
      return <ChannelForm channel={undefined} onClose={onClose} onMade={made} />;
    case "edit":
      return <ChannelForm channel={acting.channel} onClose={onClose} onMade={made} />;
    case "test":
      return <TestDialog channel={acting.channel} onClose={onClose} />;
    case "rotate":
      return (
        <Confirm
          channel={acting.channel}
          verb="rotate"
          onClose={onClose}
          onDone={(secret) => done(acting.channel.attributes.name, secret, t("secretRotated"))}
        />
      );
    case "delete":
      return (
        <Confirm
          channel={acting.channel}
          verb="delete"
          onClose={onClose}
          onDone={() => done(acting.channel.attributes.name, undefined, "")}
        />
      );
  }
}

interface ConfirmProps {
  readonly channel: Channel;
  readonly verb: "rotate" | "delete";
  readonly onClose: () => void;
  readonly onDone: (secret: string | undefined) => void;
}

function Confirm({ channel, verb, onClose, onDone }: ConfirmProps) {
  const t = useTranslations("notifications");
  const { name } = channel.attributes;
  const path = `/notification-channels/${channel.id}`;
  const run = async () => {
    const asking = { headers: atOnce };
    const { meta } = await (verb === "rotate"
      ? ask("POST", `${path}/rotate`, asking)
      : ask("DELETE", path, asking));
    onDone(meta.secretKey);
  };
  return (
    <FormDialog
      title={t(`${verb}Title`, { name })}
      submit={t(verb)}
      danger={verb === "delete"}
      onClose={onClose}
      onSubmit={run}
    >
      {() => <p>{t(`${verb}Text`)}</p>}
    </FormDialog>
  );
}

/** Sends a test as it opens, and says how the first attempt went. */
function TestDialog({ channel, onClose }: { channel: Channel; onClose: () => void }) {
  const t = useTranslations("notifications");
  const ui = useTranslations("ui");
  const client = useQueryClient();
  const { name } = channel.attributes;
  const [delivery, setDelivery] = useState<Delivery | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    const leave = new AbortController();
    ask<Delivery>("POST", `/notification-channels/${channel.id}/test`, { signal: leave.signal }).then(
      ({ data }) => {
        setDelivery(data);
        void client.invalidateQueries({ queryKey: deliveriesQuery.queryKey });
      },
      (failure: unknown) => leave.signal.aborted || setError(failure),
    );
    return () => leave.abort();
  }, [channel.id, client]);
  const footer = (
    <>
      <span className="note" />
      <Button onClick={onClose}>{ui("close")}</Button>
    </>
  );
  return (
    <Dialog title={t("test")} onClose={onClose} width={480} footer={footer}>
      <div className="body-scroll" aria-live="polite">
        {error === null ? (
          <p>{delivery === null ? t("testing") : <Outcome name={name} delivery={delivery} />}</p>
        ) : null}
        {error === null ? null : <Problem error={error} />}
      </div>
    </Dialog>
  );
}

function Outcome({ name, delivery }: { name: string; delivery: Delivery }) {
  const t = useTranslations("notifications");
  const { status, answer } = delivery.attributes;
  if (status === "delivered") return t("testTook", { name, answer: answer ?? "" });
  return answer === null ? t("testPending") : t("testRefused", { name, answer });
}
