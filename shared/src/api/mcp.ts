/** What an API key may do through MCP: which servers, and which of their tools. */
import * as z from "zod";
import { isSet, Name, TWICE } from "./attribute.ts";

const Server = z.string().min(1).max(128);

/** The list modes need servers, the others take none; `tools[server]` is always an allow-list, `[]` is none. */
export const McpAccess = z
  .strictObject({
    enabled: z.boolean(),
    mode: z.enum(["allow-all", "deny-all", "allow-list", "deny-list"]).optional(),
    servers: z.array(Server).min(1).max(1000).refine(isSet, TWICE).optional(),
    tools: z.record(Server, z.array(Name).max(1000).refine(isSet, TWICE)).optional(),
  })
  .superRefine((value, context) => {
    const lists = value.mode === "allow-list" || value.mode === "deny-list";
    const report = (message: string) => context.addIssue({ code: "custom", message });
    if (value.enabled && value.mode === undefined) report("needs a mode when it is enabled");
    if (lists && value.servers === undefined) report("needs servers in the list modes");
    if (!lists && value.servers !== undefined) report("takes servers in the list modes only");
  });
export type McpAccess = z.infer<typeof McpAccess>;
