/** A token of a key: made, shown once, seen to tick, and seen to die with its parent. */
import type { EphemeralTokenView } from "@claviger/shared/api/ephemeral-token";
import type { Resource } from "@claviger/shared/api/resource";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Ban, Timer } from "lucide-react";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { ask, atOnce } from "../api/client.ts";
import { type ApiKey, keyQuery } from "../api/queries.ts";
import { Button } from "../ui/button.tsx";
import { Choice } from "../ui/choice.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { FormDialog } from "../ui/form-dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { useNow } from "../ui/now.tsx";
import { ShownOnce } from "../ui/shown-once.tsx";
import { clock } from "../words/format.ts";

const lives = ["300", "900", "3600", "28800", "86400"] as const;
const words = { 300: "5 min", 900: "15 min", 3600: "1 h", 28800: "8 h", 86400: "24 h" } as const;

interface MadeToken {
  readonly secret: string;
  readonly expiresAt: string;
}

export function EphemeralDialog({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const t = useTranslations("keyChange");
  const [life, setLife] = useState<(typeof lives)[number]>("3600");
  const [made, setMade] = useState<MadeToken | null>(null);
  const { name } = apiKey.attributes;
  if (made !== null) return <Shown apiKey={apiKey} made={made} onClose={onClose} />;
  const make = async () => {
    const path = `/api-keys/${apiKey.id}/ephemeral-tokens`;
    const body = { ttlSeconds: Number(life) };
    const { data, meta } = await ask<Resource<EphemeralTokenView>>("POST", path, { body, headers: atOnce });
    setMade({ secret: meta.secretKey ?? "", expiresAt: data.attributes.expiresAt });
  };
  return (
    <FormDialog
      title={t("ephemeralTitle", { name })}
      submit={t("ephemeralMake")}
      onClose={onClose}
      onSubmit={make}
    >
      {() => (
        <>
          <p className="soft">{t("ephemeralText")}</p>
          <Choice
            label={t("ephemeralLife")}
            value={life}
            onChange={setLife}
            options={lives.map((value) => ({ value, label: words[value] }))}
          />
        </>
      )}
    </FormDialog>
  );
}

interface ShownProps {
  readonly apiKey: ApiKey;
  readonly made: MadeToken;
  readonly onClose: () => void;
}

function Shown({ apiKey, made, onClose }: ShownProps) {
  const t = useTranslations("keyChange");
  const ui = useTranslations("ui");
  const footer = (
    <>
      <span className="note" />
      <Button onClick={onClose}>{ui("done")}</Button>
    </>
  );
  const { name } = apiKey.attributes;
  return (
    <Dialog
      title={t("ephemeralTitle", { name })}
      onClose={onClose}
      footer={footer}
      width={680}
      focus="copy-secret"
      dismissable={false}
    >
      <div className="body-scroll">
        <ShownOnce secret={made.secret} head={t("ephemeralHead")} warning={t("once")} />
        <Life apiKey={apiKey} expiresAt={made.expiresAt} />
        <p className="soft">
          {t.rich("ephemeralOf", {
            name,
            link: (chunks) => (
              <Link className="link" to="/keys/$keyId" params={{ keyId: apiKey.id }} onClick={onClose}>
                {chunks}
              </Link>
            ),
          })}
        </p>
      </div>
    </Dialog>
  );
}

/** How long it has still to live, by the second; a key that stops takes it along. */
function Life({ apiKey, expiresAt }: { apiKey: ApiKey; expiresAt: string }) {
  const t = useTranslations("keyChange");
  const now = useNow();
  const { data, error } = useQuery(keyQuery(apiKey.id));
  const leftMs = Date.parse(expiresAt) - now;
  const b = (chunks: React.ReactNode) => <b className="strong num">{chunks}</b>;
  const parentLives = error === null && (data?.data.attributes.status ?? "active") === "active";
  const dead = !parentLives || leftMs <= 0;
  return (
    <p className={`st ${dead ? "revoked" : "active"} my-3`} role="status">
      <Icon of={dead ? Ban : Timer} small />
      <span>
        {!parentLives
          ? t.rich("ephemeralDead", { name: apiKey.attributes.name, b })
          : leftMs <= 0
            ? t("ephemeralEnded", { at: clock(expiresAt) })
            : t.rich("ephemeralEnds", { span: ticking(leftMs), at: clock(expiresAt), b })}
      </span>
    </p>
  );
}

/** `1:02:03` */
function ticking(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  const minutes = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return seconds < 3600 ? minutes : `${Math.floor(seconds / 3600)}:${minutes}`;
}
