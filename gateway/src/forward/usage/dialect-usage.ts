/** How each dialect tells usage: where in its events and answers, in which words, and beside what text. */
import type { Usage } from "@claviger/shared/money/cost";
import {
  chatUsage as chatBuckets,
  geminiUsage as geminiBuckets,
  imagesUsage as imagesBuckets,
  messagesUsage as messagesBuckets,
  responsesUsage as responsesBuckets,
  speechUsage as speechBuckets,
  transcriptUsage as transcriptBuckets,
} from "@claviger/shared/money/usage";
import { type Needle, needle } from "./find-bytes.ts";

export interface DialectUsage {
  /** The member that holds the usage, quotes included. */
  readonly member: Needle;
  /** How deep that member stands in a whole answer: 1 in the object itself, 2 in the last of a list. */
  readonly depth: 1 | 2;
  /** The usage object of a parsed event, wherever this dialect puts it. */
  usageIn(event: Fields): unknown;
  tokensOf(usage: Fields): Usage;
  /**
   * Where usage is told before all of it is known: whether that of this event is the last word; undefined: it says nothing
   * of that. Absent: whatever is told is the last word.
   */
  isLast?(event: Fields): boolean | undefined;
  /** Members of a whole answer of which one tells the same. */
  readonly lastMarks?: readonly Needle[];
  /** True for an event that carries nothing but the usage, which only comes when asked for. */
  isExtra(event: Fields): boolean;
  /** Members that hold generated text, in events and in whole answers. */
  readonly text: readonly Needle[];
  readonly wholeText: readonly Needle[];
  /** Members that come once for each image made, where no tokens are told. */
  readonly images?: readonly Needle[];
  /** Never billed, so nothing is read and nothing charged. */
  readonly free?: true;
}

type Fields = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const topUsage = (event: Fields): unknown => event.usage;
const never = () => false;

function dialect(
  text: readonly string[],
  tokensOf: (usage: Fields) => Usage,
  details: Partial<DialectUsage> = {},
): DialectUsage {
  const needles = text.map((name) => needle(`"${name}"`));
  return {
    ...{ member: needle('"usage"'), depth: 1, usageIn: topUsage, tokensOf, isExtra: never },
    ...{ text: needles, wholeText: needles },
    ...details,
  };
}

/** Only its own event has a list of choices that is empty. */
const isExtra = (event: Fields) =>
  Array.isArray(event.choices) && event.choices.length === 0 && isObject(event.usage);

/** OpenAI chat completions and everything compatible with it; embeddings too. */
export const chatUsage = dialect(["content", "arguments", "reasoning_content"], chatBuckets, {
  usageIn(event) {
    if (isObject(event.usage)) return event.usage;
    return isObject(event.x_groq) ? event.x_groq.usage : undefined;
  },
  isExtra,
});

export const completionsUsage = dialect(["text"], chatBuckets, { isExtra });

/** Its last events tell everything again, so that only the parts are counted. */
export const responsesUsage = dialect(["delta"], responsesBuckets, {
  usageIn: (event) => (isObject(event.response) ? event.response.usage : undefined),
  wholeText: ["text", "arguments"].map((name) => needle(`"${name}"`)),
});

/** Anthropic messages: input at the beginning, output cumulatively. */
export const messagesUsage = dialect(["text", "partial_json", "thinking"], messagesBuckets, {
  usageIn(event) {
    if (isObject(event.usage)) return event.usage;
    return isObject(event.message) ? event.message.usage : undefined;
  },
  // `message_start` tells an output of 1, whatever follows.
  isLast: (event) => (event.type === "message_delta" ? true : undefined),
});

export const geminiUsage = dialect(["text"], geminiBuckets, {
  member: needle('"usageMetadata"'),
  usageIn: (event) => event.usageMetadata,
  // Each event tells what has been used so far. A prompt that was blocked has no candidates, and nothing follows it.
  isLast({ candidates, promptFeedback }) {
    if (Array.isArray(candidates) && candidates.length > 0) {
      return candidates.every((one) => isObject(one) && typeof one.finishReason === "string");
    }
    return isObject(promptFeedback) && typeof promptFeedback.blockReason === "string" ? true : undefined;
  },
});

/** A stream as one list of answers. */
export const geminiArrayUsage: DialectUsage = {
  ...geminiUsage,
  depth: 2,
  lastMarks: [needle('"finishReason"'), needle('"blockReason"')],
};

export const imagesUsage = dialect([], imagesBuckets, {
  images: [needle('"b64_json"'), needle('"url"')],
});

export const transcriptUsage = dialect(["delta"], transcriptBuckets, { wholeText: [needle('"text"')] });

export const speechUsage = dialect([], speechBuckets);

/** Moderations and counts of tokens. */
export const freeUsage = dialect(
  [],
  () => ({ input: 0, cacheRead: 0, cacheWrite: 0, output: 0, reasoning: 0 }),
  { free: true },
);
