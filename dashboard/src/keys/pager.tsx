import { useNavigate } from "@tanstack/react-router";
import { useTranslations } from "use-intl";
import { Button } from "../ui/button.tsx";
import { clock } from "../words/format.ts";
import { type KeySearch, PAGE_SIZE } from "./search.ts";

export interface PagerProps {
  readonly search: KeySearch;
  readonly count: number;
  readonly total: number;
  readonly next: string | null;
  readonly atMs: number;
}

/** Cursors of the pages that were passed, by what the list was asked for: the way back to them. */
const passed = new Map<string, (string | undefined)[]>();

export function Pager({ search, count, total, next, atMs }: PagerProps) {
  const t = useTranslations("keys");
  const navigate = useNavigate();
  const { page = 1, after, ...rest } = search;
  const name = JSON.stringify(rest);
  const cursors = passed.get(name) ?? [];
  cursors[page] = after;
  passed.set(name, cursors);
  const go = (to: number, cursor: string | undefined) =>
    void navigate({
      to: "/keys",
      search: { ...rest, page: to === 1 ? undefined : String(to), after: to === 1 ? undefined : cursor },
    });
  const back = () => (page - 1 in cursors ? go(page - 1, cursors[page - 1]) : go(1, undefined));
  const from = (page - 1) * PAGE_SIZE + 1;
  return (
    <footer className="tfoot">
      <span>{t("figures", { at: clock(new Date(atMs).toISOString()) })}</span>
      <span className="pager">
        <span className="num mr-2">{t("range", { from, to: from + count - 1, all: total })}</span>
        <Button small disabled={page === 1} onClick={back}>
          {t("previous")}
        </Button>
        <Button small disabled={next === null} onClick={() => go(page + 1, next ?? undefined)}>
          {t("next")}
        </Button>
      </span>
    </footer>
  );
}
