import { NOTIFICATION_KINDS, type NotificationKind } from "@claviger/shared/api/notification";
import { useId, useState } from "react";
import { useTranslations } from "use-intl";
import { ask, atOnce, resourceBody } from "../api/client.ts";
import { Choice } from "../ui/choice.tsx";
import { TextField } from "../ui/field.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { RowSwitch } from "../ui/row-switch.tsx";
import { TagField } from "../ui/tags.tsx";
import type { Channel } from "./queries.ts";

export interface ChannelFormProps {
  /** Absent: a new one. */
  readonly channel: Channel | undefined;
  readonly onClose: () => void;
  /** With the signing secret of a new webhook. */
  readonly onMade: (channel: Channel, secret: string | undefined) => void;
}

const fields = ["kind", "name", "url", "recipients", "kinds"];
const channelKinds = ["webhook", "slack", "email"] as const;
type ChannelKind = (typeof channelKinds)[number];

export function ChannelForm({ channel, onClose, onMade }: ChannelFormProps) {
  const t = useTranslations("notifications");
  const before = channel?.attributes;
  const [kind, setKind] = useState<ChannelKind>(before?.kind ?? "webhook");
  const [recipients, setRecipients] = useState<string[]>([...(before?.recipients ?? [])]);
  const [kinds, setKinds] = useState<readonly NotificationKind[] | null>(before?.kinds ?? null);
  const [enabled, setEnabled] = useState(before?.enabled ?? true);
  const save = async (form: FormData) => {
    const url = String(form.get("url") ?? "").trim();
    const { data, meta } = await send(channel, kind, {
      name: String(form.get("name")).trim(),
      ...(kind === "email" ? { recipients } : url === "" ? {} : { url }),
      ...{ kinds, enabled },
    });
    onMade(data, meta.secretKey);
  };
  const words =
    before === undefined
      ? { title: t("addTitle"), submit: t("add") }
      : { title: t("editTitle", { name: before.name }), submit: t("save") };
  return (
    <FormDialog {...words} width={560} onClose={onClose} onSubmit={save} fields={fields}>
      {(errorOf) => (
        <>
          {channel === undefined ? (
            <KindChoice kind={kind} onChange={setKind} error={errorOf("kind")} />
          ) : null}
          <TextField
            id="channel-name"
            name="name"
            label={t("name")}
            error={errorOf("name")}
            defaultValue={before?.name}
            maxLength={128}
            autoComplete="off"
            required
          />
          {kind === "email" ? (
            <TagField
              id="channel-recipients"
              label={t("recipients")}
              placeholder={t("recipientsAdd")}
              error={errorOf("recipients")}
              values={recipients}
              onChange={setRecipients}
            />
          ) : (
            <UrlField key={kind} kind={kind} channel={channel} error={errorOf("url")} />
          )}
          <KindsField kinds={kinds} onChange={setKinds} />
          <RowSwitch label={t("enabled")} hint={t("enabledHint")} on={enabled} onChange={setEnabled} />
        </>
      )}
    </FormDialog>
  );
}

function send(channel: Channel | undefined, kind: ChannelKind, attributes: object) {
  const type = "notification-channel";
  if (channel === undefined) {
    const body = resourceBody(type, { kind, ...attributes });
    return ask<Channel>("POST", "/notification-channels", { body, headers: atOnce });
  }
  const body = resourceBody(type, attributes);
  return ask<Channel>("PATCH", `/notification-channels/${channel.id}`, { body, headers: atOnce });
}

interface KindChoiceProps {
  readonly kind: ChannelKind;
  readonly onChange: (kind: ChannelKind) => void;
  readonly error: string | undefined;
}

function KindChoice({ kind, onChange, error }: KindChoiceProps) {
  const t = useTranslations("notifications");
  return (
    <div>
      <Choice
        label={t("colKind")}
        value={kind}
        onChange={onChange}
        options={channelKinds.map((value) => ({ value, label: t(`kind.${value}`) }))}
      />
      {error === undefined ? null : (
        <p className="hint err" role="alert">
          {error}
        </p>
      )}
    </div>
  );
}

interface UrlFieldProps {
  readonly kind: "webhook" | "slack";
  readonly channel: Channel | undefined;
  readonly error: string | undefined;
}

/** Slack's URL is a secret that was never shown, so an edit keeps it unless there is a new one. */
function UrlField({ kind, channel, error }: UrlFieldProps) {
  const t = useTranslations("notifications");
  const kept = kind === "slack" && channel !== undefined;
  return (
    <TextField
      id="channel-url"
      name="url"
      type="url"
      label={t("url")}
      hint={kind === "webhook" ? t("webhookHint") : kept ? t("slackKept") : t("slackHint")}
      error={error}
      defaultValue={kind === "webhook" ? (channel?.attributes.url ?? undefined) : undefined}
      placeholder={
        kind === "webhook" ? "https://example.com/hooks/claviger" : "https://hooks.slack.com/services/…"
      }
      autoComplete="off"
      required={!kept}
    />
  );
}

interface KindsFieldProps {
  readonly kinds: readonly NotificationKind[] | null;
  readonly onChange: (kinds: readonly NotificationKind[] | null) => void;
}

const kindWords = {
  "budget.threshold": "budgets",
  "key.expiring": "expiring",
  "gateway.offline": "offline",
  "gateway.back": "back",
  "key.unfamiliar-network": "networks",
  "errors.spike": "spikes",
} as const;

const offered = NOTIFICATION_KINDS.filter((kind) => kind !== "test");

function KindsField({ kinds, onChange }: KindsFieldProps) {
  const t = useTranslations("notifications");
  const id = useId();
  const toggle = (kind: NotificationKind, on: boolean) => {
    const next = offered.filter((one) => (one === kind ? on : (kinds ?? []).includes(one)));
    if (next.length > 0) onChange(next);
  };
  return (
    <div>
      <Choice
        label={t("tellsLabel")}
        value={kinds === null ? "all" : "some"}
        onChange={(value) => onChange(value === "all" ? null : offered)}
        options={[
          { value: "all", label: t("tellAll") },
          { value: "some", label: t("tellSome") },
        ]}
      />
      {kinds === null ? null : (
        <fieldset className="mt-3 grid gap-2" aria-label={t("tellsLabel")}>
          {offered.map((kind) => (
            <label key={kind} className="flex items-center gap-2" htmlFor={`${id}-${kind}`}>
              <input
                id={`${id}-${kind}`}
                type="checkbox"
                className="check"
                checked={kinds.includes(kind)}
                onChange={(event) => toggle(kind, event.target.checked)}
              />
              {t(`kinds.${kindWords[kind]}`)}
            </label>
          ))}
        </fieldset>
      )}
    </div>
  );
}
