/** `POST /v1/moderations`: nothing is ever flagged, and nothing billed. */
import * as z from "zod";
import { issueText } from "./content.ts";
import { type Dialect, invalid } from "./dialect.ts";
import { embeddingAsk } from "./embeddings.ts";

const Body = z.looseObject({
  model: z.string().nullish(),
  input: z.union([z.string(), z.array(z.unknown()).min(1)]),
});

export const openaiModerations: Dialect = {
  streamType: "application/json",
  read(value) {
    const parsed = Body.safeParse(value);
    if (!parsed.success) return invalid(issueText(parsed.error));
    const { input } = parsed.data;
    return { ...embeddingAsk(0), choices: Array.isArray(input) ? input.length : 1 };
  },
  whole(ask, _reply, context) {
    const result = { flagged: false, categories: { violence: false }, category_scores: { violence: 0 } };
    return { id: `modr-${context.id}`, model: "echo", results: Array<unknown>(ask.choices).fill(result) };
  },
  frames() {
    throw new Error("moderations are never streamed");
  },
};
