import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslations } from "use-intl";
import { type Token, tokensQuery } from "../api/queries.ts";
import { useChange } from "../changes/use-change.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { type DataColumn, DataTable } from "../ui/data-table.tsx";
import { Loaded } from "../ui/loaded.tsx";
import { Nothing } from "../ui/nothing.tsx";
import { Day, Expiry, LastUsed } from "../ui/now.tsx";
import { Problem } from "../ui/problem.tsx";
import { CreateToken } from "./create-token.tsx";

/** Tokens for scripts. Admins see those of all members. */
export function Tokens() {
  const t = useTranslations("settings");
  const query = useQuery(tokensQuery);
  const client = useQueryClient();
  const [creating, setCreating] = useState(false);
  const { error, change } = useChange();
  const remove = async ({ id }: Token) => {
    await change("DELETE", `/personal-access-tokens/${id}`);
    await client.invalidateQueries({ queryKey: tokensQuery.queryKey });
  };
  return (
    <>
      <div className="mb-3 flex items-center gap-3">
        <p className="soft">{t("tokensLead")}</p>
        <span className="grow" />
        <Button kind="primary" icon={Plus} onClick={() => setCreating(true)}>
          {t("addToken")}
        </Button>
      </div>
      {error === null ? null : <Problem error={error} />}
      <Loaded query={query}>
        {(tokens) =>
          tokens.length === 0 ? (
            <Nothing title={t("noTokens")} text={t("noTokensText")} />
          ) : (
            <TokenTable tokens={tokens} onDelete={(token) => void remove(token)} />
          )
        }
      </Loaded>
      {creating ? <CreateToken onClose={() => setCreating(false)} /> : null}
    </>
  );
}

function TokenTable({ tokens, onDelete }: { tokens: readonly Token[]; onDelete: (token: Token) => void }) {
  const t = useTranslations("settings");
  const actions: DataColumn<Token> = {
    id: "actions",
    head: <span className="sr">{t("colToken")}</span>,
    width: 52,
    right: true,
    cell: (token) => (
      <IconButton
        tiny
        icon={Trash2}
        label={t("deleteToken", { name: token.attributes.name })}
        onClick={() => onDelete(token)}
      />
    ),
  };
  return (
    <DataTable label={t("tokens")} rows={tokens} rowKey={({ id }) => id} columns={[...useFacts(), actions]} />
  );
}

function useFacts(): DataColumn<Token>[] {
  const t = useTranslations("settings");
  const shell = useTranslations("shell");
  return [
    { id: "name", head: t("colName"), cell: ({ attributes }) => attributes.name },
    {
      id: "token",
      head: t("colToken"),
      width: 180,
      cell: ({ attributes }) => <span className="mono">{attributes.preview}</span>,
    },
    {
      id: "role",
      head: t("colRole"),
      width: 110,
      cell: ({ attributes: { role } }) => (role === null ? t("yourRole") : shell(`role.${role}`)),
    },
    {
      id: "created",
      head: t("colCreated"),
      width: 110,
      className: "num",
      cell: ({ attributes }) => <Day at={attributes.createdAt} />,
    },
    {
      id: "used",
      head: t("colUsed"),
      width: 110,
      className: "num",
      cell: ({ attributes }) => <LastUsed at={attributes.lastUsedAt} />,
    },
    {
      id: "expires",
      head: t("colExpires"),
      width: 110,
      className: "num",
      cell: ({ attributes }) => <Expiry at={attributes.expiresAt} />,
    },
  ];
}
