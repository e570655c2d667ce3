/** Reading what people say out of the vendors' message shapes. */
import * as z from "zod";
import { tokenCount } from "./text.ts";

/** A string, or a list of parts of which those with text count as words. */
export const Content = z.union([z.string(), z.array(z.looseObject({})), z.null()]).optional();
export type Content = z.infer<typeof Content>;

const NON_TEXT_PART_TOKENS = 85;
const MESSAGE_TOKENS = 4;

/** The words of a content: its text parts (and tool results) joined by line feeds. */
export function textOf(content: Content): string {
  if (content === undefined || content === null) return "";
  if (typeof content === "string") return content;
  return content
    .map((part) => {
      if (typeof part.text === "string") return part.text;
      const inner = Content.safeParse(part.content);
      return inner.success ? textOf(inner.data) : "";
    })
    .filter((text) => text !== "")
    .join("\n");
}

/** Tokens of a message: its words, 85 for each part that is none, and 4 for the message. */
export function messageTokens(content: Content): number {
  const others = Array.isArray(content) ? content.filter((part) => typeof part.text !== "string").length : 0;
  return tokenCount(textOf(content)) + others * NON_TEXT_PART_TOKENS + MESSAGE_TOKENS;
}

/** Tokens of tool definitions: of their JSON. */
export function toolTokens(tools: readonly unknown[]): number {
  return tools.length === 0 ? 0 : tokenCount(JSON.stringify(tools));
}

/** "messages.0.content: Invalid input", for a vendor's 400. */
export function issueText(error: z.ZodError): string {
  const issue = error.issues[0];
  return `${issue?.path.join(".") ?? "body"}: ${issue?.message ?? "is not valid"}`;
}
