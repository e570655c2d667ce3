import type { ApiKeySort } from "@claviger/shared/api/api-key-list";
import { useTranslations } from "use-intl";
import type { ApiKey, Project } from "../api/queries.ts";
import { CopyIcon } from "../ui/copy.tsx";
import { Day, Expiry, LastUsed } from "../ui/now.tsx";
import { KeyStatus } from "../ui/status.tsx";
import { count } from "../words/format.ts";
import { Propagation } from "./propagation.tsx";

export type ColumnId =
  | "owner"
  | "project"
  | "key"
  | "status"
  | "gateways"
  | "expires"
  | "used"
  | "created"
  | "requests"
  | "usage";

export interface CellProps {
  readonly apiKey: ApiKey;
  readonly projects: readonly Project[] | undefined;
  /** The largest share on the page, which the accent marks. */
  readonly peak: number;
}

export type ColumnWord =
  | "owner"
  | "colProject"
  | "colKey"
  | "colStatus"
  | "colGateways"
  | "colExpires"
  | "colUsed"
  | "colCreated"
  | "colRequests"
  | "colUsage";

export interface Column {
  readonly id: ColumnId;
  readonly word: ColumnWord;
  readonly sort?: ApiKeySort;
  readonly width: number;
  readonly className: string;
  readonly right?: boolean;
  readonly cell: (props: CellProps) => React.ReactNode;
}

/** After the name, in this order; which of them show is each person's choice. */
export const columns = [
  { id: "owner", word: "owner", sort: "owner", width: 104, className: "c-owner", cell: Owner },
  { id: "project", word: "colProject", width: 100, className: "c-project", cell: ProjectName },
  { id: "key", word: "colKey", width: 163, className: "c-key", cell: Preview },
  { id: "status", word: "colStatus", sort: "status", width: 90, className: "c-status", cell: Status },
  { id: "gateways", word: "colGateways", width: 112, className: "prop c-gw", cell: Gateways },
  { id: "expires", word: "colExpires", sort: "expiresAt", width: 100, className: "c-exp num", cell: Expires },
  { id: "used", word: "colUsed", sort: "lastUsedAt", width: 76, className: "c-used num", cell: Used },
  {
    id: "created",
    word: "colCreated",
    sort: "createdAt",
    width: 80,
    className: "c-created num",
    cell: Created,
  },
  {
    id: "requests",
    word: "colRequests",
    sort: "requests",
    width: 76,
    className: "c-req r num",
    right: true,
    cell: Requests,
  },
  { id: "usage", word: "colUsage", width: 96, className: "c-use r", right: true, cell: Usage },
] as const satisfies readonly Column[];

/** Shown until somebody chooses otherwise. */
export const shownAtFirst: readonly ColumnId[] = columns.map(({ id }) => id).filter((id) => id !== "project");

function Owner({ apiKey }: CellProps) {
  return <span title={apiKey.attributes.ownerName}>{apiKey.attributes.ownerName}</span>;
}

function ProjectName({ apiKey, projects }: CellProps) {
  const name = projects?.find(({ id }) => id === apiKey.attributes.projectId)?.attributes.name;
  return <span title={name}>{name ?? apiKey.attributes.projectId}</span>;
}

function Preview({ apiKey }: CellProps) {
  const t = useTranslations("keys");
  const { preview, name } = apiKey.attributes;
  const [, prefix = "", rest = preview] = /^(clv[a-z]?_(?:live_)?)(.*)$/.exec(preview) ?? [];
  return (
    <span className="key-cell">
      <span className="mono">
        <em>{prefix}</em>
        {rest}
      </span>
      <CopyIcon text={preview} label={t("copyPreview", { name })} />
    </span>
  );
}

function Status({ apiKey }: CellProps) {
  return <KeyStatus status={apiKey.attributes.status} />;
}

function Gateways({ apiKey }: CellProps) {
  const { revision, status } = apiKey.attributes;
  return <Propagation revision={revision} muted={status !== "active"} />;
}

function Expires({ apiKey }: CellProps) {
  return <Expiry at={apiKey.attributes.expiresAt} />;
}

function Used({ apiKey }: CellProps) {
  return <LastUsed at={apiKey.attributes.lastUsedAt} />;
}

function Created({ apiKey }: CellProps) {
  return <Day at={apiKey.attributes.createdAt} />;
}

function Requests({ apiKey }: CellProps) {
  const { requests } = apiKey.attributes;
  return <span title={requests.toLocaleString("en-US")}>{count(requests)}</span>;
}

function Usage({ apiKey, peak }: CellProps) {
  const t = useTranslations("keys");
  const { usagePercent, requests } = apiKey.attributes;
  const title = t("exactUsage", { percent: usagePercent, requests });
  const isPeak = usagePercent > 0 && usagePercent === peak;
  return (
    <span className={isPeak ? "use peak" : "use"} title={title}>
      <span className="bar" aria-hidden="true">
        <i style={{ width: `${usagePercent}%` }} />
      </span>
      <span className="v num">{shownPercent(usagePercent)} %</span>
    </span>
  );
}

/** One decimal, unless it would say 0.0 or 100.0. */
function shownPercent(percent: number): string {
  return percent === 0 || percent >= 99.95 ? String(Math.round(percent)) : percent.toFixed(1);
}
