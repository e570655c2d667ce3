/** `/keys/{id}`: one key, what it may do, where it stands, and everything that can be done with it. */
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { ArrowLeft, Ellipsis, Pencil, RotateCw } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useTranslations } from "use-intl";
import { type ApiKey, keyQuery } from "../api/queries.ts";
import { useKeyboard } from "../shell/keyboard.ts";
import { PageHead } from "../shell/page-head.tsx";
import { useMay, useSession } from "../shell/session.ts";
import { Bones } from "../ui/bones.tsx";
import { Button, IconButton } from "../ui/button.tsx";
import { Icon } from "../ui/icon.tsx";
import { Menu } from "../ui/menu.tsx";
import { ProblemPage } from "../ui/problem.tsx";
import { KeyStatus } from "../ui/status.tsx";
import { ActionItems } from "./action-items.tsx";
import { type Acting, KeyAction } from "./actions.tsx";
import { useAtOnce } from "./at-once.ts";
import { Grace } from "./grace.tsx";
import { KeyFacts } from "./key-facts.tsx";

/** Charts come after the facts. */
const BudgetChart = lazy(async () => ({ default: (await import("./budget-chart.tsx")).BudgetChart }));

export function KeyPage() {
  const ui = useTranslations("ui");
  const t = useTranslations("keyDetail");
  const { keyId } = useParams({ from: "/keys/$keyId" });
  const { data, error, refetch } = useQuery(keyQuery(keyId));
  return (
    <>
      <Link className="link soft mb-3 inline-flex items-center gap-1.5" to="/keys">
        <Icon of={ArrowLeft} small />
        {t("back")}
      </Link>
      {data !== undefined ? (
        <KeyView apiKey={data.data} />
      ) : error === null ? (
        <section className="panel">
          <Bones label={ui("loading")} />
        </section>
      ) : (
        <ProblemPage error={error} onRetry={() => void refetch()} />
      )}
    </>
  );
}

function KeyView({ apiKey: read }: { apiKey: ApiKey }) {
  const apiKey = useAtOnce(read);
  const keys = useTranslations("keys");
  const navigate = useNavigate();
  const [acting, setActing] = useState<Acting | null>(null);
  const { name, note, status, ownerId } = apiKey.attributes;
  const admin = useMay("admin");
  const member = useMay("member");
  const mine = useSession().memberId === ownerId;
  const may = admin || (member && mine);
  const act = (kind: Acting["kind"]) => () => setActing({ kind, apiKey });
  useKeyboard({
    e: () => may && act("edit")(),
    r: () => may && status === "active" && act("rotate")(),
  });
  const actions = (
    <>
      {may && status === "active" ? (
        <Button icon={RotateCw} onClick={act("rotate")}>
          {keys("rotate")}
        </Button>
      ) : null}
      {may ? (
        <Button icon={Pencil} onClick={act("edit")}>
          {status === "expired" ? keys("extend") : keys("edit")}
        </Button>
      ) : null}
      <Menu trigger={<IconButton icon={Ellipsis} label={keys("more", { name })} className="h-8! w-8!" />}>
        <ActionItems apiKey={apiKey} may={may} onAct={setActing} />
      </Menu>
    </>
  );
  return (
    <>
      <PageHead
        title={name}
        lead={
          <span className="flex flex-wrap items-center gap-3">
            <KeyStatus status={status} />
            {note === null || note === name ? null : <span>{note}</span>}
          </span>
        }
        actions={actions}
      />
      <Grace apiKey={apiKey} may={may} />
      <KeyFacts apiKey={apiKey} />
      <Course apiKey={apiKey} />
      {acting === null ? null : (
        <KeyAction
          acting={acting}
          onClose={() => setActing(null)}
          onDeleted={() => void navigate({ to: "/keys", replace: true })}
        />
      )}
    </>
  );
}

function Course({ apiKey }: { apiKey: ApiKey }) {
  if (apiKey.attributes.budgetUsd === null) return null;
  return (
    <Suspense>
      <div className="mt-4">
        <BudgetChart apiKey={apiKey} />
      </div>
    </Suspense>
  );
}
