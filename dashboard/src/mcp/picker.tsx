/** What a key may use of MCP: servers and their tools as a tree, with a search. */
import { useQuery } from "@tanstack/react-query";
import { ChevronDown, ChevronRight, Search } from "lucide-react";
import { useId, useState } from "react";
import { useTranslations } from "use-intl";
import { Icon } from "../ui/icon.tsx";
import { TagField } from "../ui/tags.tsx";
import { isAdmitted, type Picked, pickedTools, setServer, setTool, tickOf } from "./picked.ts";
import { type McpServer, mcpServersQuery } from "./queries.ts";
import { TickBox } from "./tick-box.tsx";

export interface PickerProps {
  readonly id: string;
  readonly error: string | undefined;
  readonly picked: Picked;
  readonly onPick: (picked: Picked) => void;
}

interface Branch {
  readonly name: string;
  /** The tools that it has now, and those that the key names. */
  readonly tools: readonly string[];
  readonly registered: boolean;
  /** Whatever it offers can be called without anybody having accepted it. */
  readonly open: boolean;
}

export function Picker({ id, error, picked, onPick }: PickerProps) {
  const t = useTranslations("mcp");
  const { data, error: unread } = useQuery(mcpServersQuery);
  const [search, setSearch] = useState("");
  const servers = data ?? (unread === null ? undefined : []);
  if (servers === undefined) return null;
  const branches = branchesOf(servers, picked);
  if (branches.length === 0 || servers.length === 0) {
    return <Names id={id} error={error} picked={picked} onPick={onPick} />;
  }
  const found = branches.flatMap((branch) => matching(branch, search.trim().toLowerCase()));
  const label = picked.mode === "deny-list" ? t("pickedDeny") : t("pickedAllow");
  return (
    <fieldset className="pick" aria-describedby={error === undefined ? undefined : `${id}-error`}>
      <legend className="l">
        {label}
        <small className="num">{t("of", figuresOf(branches, picked))}</small>
      </legend>
      <label className="field">
        <Icon of={Search} />
        <input
          id={id}
          type="search"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
          aria-label={t("search")}
          placeholder={t("search")}
          aria-invalid={error === undefined ? undefined : true}
          aria-describedby={error === undefined ? undefined : `${id}-error`}
          autoComplete="off"
        />
      </label>
      <ul className="pick-tree">
        {found.map(({ branch, tools, open }) => (
          <Server key={branch.name} {...{ branch, tools, picked, onPick }} forceOpen={open} />
        ))}
      </ul>
      <p className="hint">{t(found.length === 0 ? "noMatch" : "toolByTool")}</p>
      {error === undefined ? null : (
        <p className="hint err" id={`${id}-error`}>
          {error}
        </p>
      )}
    </fieldset>
  );
}

function branchesOf(
  servers: readonly { attributes: Pick<McpServer["attributes"], "name" | "tools" | "newTools"> }[],
  picked: Picked,
) {
  const named = (name: string) => picked.tools[name] ?? [];
  const known = servers.map(
    ({ attributes: { name, tools, newTools } }): Branch => ({
      name,
      tools: [...new Set([...tools, ...named(name)])],
      registered: true,
      open: newTools === "accept",
    }),
  );
  const names = new Set(known.map(({ name }) => name));
  const others = [...new Set([...picked.servers, ...Object.keys(picked.tools)])].filter(
    (name) => !names.has(name),
  );
  return [
    ...known,
    ...others.map((name): Branch => ({ name, tools: named(name), registered: false, open: false })),
  ];
}

/** A branch whose name matches is shown whole; else with the tools that do, which then are seen at once. */
function matching(branch: Branch, text: string) {
  if (text === "" || branch.name.toLowerCase().includes(text)) {
    return [{ branch, tools: branch.tools, open: false }];
  }
  const tools = branch.tools.filter((tool) => tool.toLowerCase().includes(text));
  return tools.length === 0 ? [] : [{ branch, tools, open: true }];
}

function figuresOf(branches: readonly Branch[], picked: Picked): { n: number; all: number } {
  const counted = branches.map(({ name, tools }) => (pickedTools(picked, name) ?? tools).length);
  return {
    n: counted.reduce((sum, n) => sum + n, 0),
    all: branches.reduce((sum, { tools }) => sum + tools.length, 0),
  };
}

interface ServerProps {
  readonly branch: Branch;
  /** Those that are shown. */
  readonly tools: readonly string[];
  readonly forceOpen: boolean;
  readonly picked: Picked;
  readonly onPick: (picked: Picked) => void;
}

function Server({ branch, tools, forceOpen, picked, onPick }: ServerProps) {
  const t = useTranslations("mcp");
  const listId = useId();
  const [opened, setOpened] = useState(false);
  const open = opened || forceOpen;
  const mine = pickedTools(picked, branch.name);
  const isOn = (tool: string) => mine === null || mine.includes(tool);
  return (
    <li>
      <div className="pick-row">
        <button
          type="button"
          className="icon-btn xs"
          aria-expanded={open}
          aria-controls={listId}
          aria-label={t("toggle", { name: branch.name })}
          disabled={branch.tools.length === 0}
          onClick={() => setOpened(!open)}
        >
          <Icon of={open ? ChevronDown : ChevronRight} small />
        </button>
        <TickBox
          tick={tickOf(picked, branch.name, branch.tools)}
          onChange={(on) => onPick(setServer(picked, branch.name, on))}
        >
          <b className="mono strong cut">{branch.name}</b>
        </TickBox>
        <span className="num soft">
          <Figures branch={branch} picked={picked} />
        </span>
      </div>
      {open ? (
        <ul id={listId} className="pick-tools">
          {tools.map((tool) => (
            <li key={tool}>
              <TickBox
                tick={isOn(tool) ? "all" : "none"}
                onChange={(on) => onPick(setTool(picked, { server: branch.name, tool, on }, branch.tools))}
              >
                <span className="mono cut">{tool}</span>
              </TickBox>
            </li>
          ))}
        </ul>
      ) : null}
    </li>
  );
}

function Figures({ branch, picked }: { branch: Branch; picked: Picked }) {
  const t = useTranslations("mcp");
  const { name, tools, registered } = branch;
  if (!registered) return t("unknown");
  const all = tools.length;
  if (all === 0) return t(branch.open ? "whatever" : "noTools");
  if (isAdmitted(picked, name) && pickedTools(picked, name) === null) return t("allTools", { all });
  return t("of", { n: pickedTools(picked, name)?.length ?? 0, all });
}

/** While nothing is registered, servers are named as they will be. */
function Names({ id, error, picked, onPick }: PickerProps) {
  const t = useTranslations("mcp");
  const form = useTranslations("keyForm");
  if (picked.mode === "allow-all") return null;
  return (
    <TagField
      id={id}
      label={picked.mode === "allow-list" ? form("mcpAllowed") : form("mcpDenied")}
      placeholder={form("mcpAdd")}
      hint={t("noServers")}
      error={error}
      values={picked.servers}
      onChange={(servers) => onPick({ ...picked, servers })}
    />
  );
}
