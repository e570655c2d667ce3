/**
 * The provider's words and its counting of them. A token is a run of four code points, so that a text never has more
 * tokens than bytes and no cut ever falls inside a character.
 */

const CODE_POINTS_PER_TOKEN = 4;
const SURROGATE = /[\ud800-\udfff]/;

/** Accents, quotes and a key outside the basic plane are there on purpose: a relay that decodes chunks breaks them. */
const STORY =
  "The bearer of the keys walked the wall at dusk, as every evening, and counted: eins, zwei, trois, « quatre ». " +
  "Each door had one lock, each lock one key 🗝, and each key one line in the book — no more, no fewer. " +
  "Где ключ, там и дверь, she said; 鍵は一つ。 Then she turned the page and began again. ";

function codePointCount(text: string): number {
  if (!SURROGATE.test(text)) return text.length;
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

function codePointSlice(text: string, from: number, to: number): string {
  return SURROGATE.test(text) ? Array.from(text).slice(from, to).join("") : text.slice(from, to);
}

/** Tokens of a text: its code points divided by four, rounded up. */
export function tokenCount(text: string): number {
  return Math.ceil(codePointCount(text) / CODE_POINTS_PER_TOKEN);
}

/** The first `tokens` tokens of a text; all of it when it has fewer. */
export function cutToTokens(text: string, tokens: number): string {
  return codePointSlice(text, 0, tokens * CODE_POINTS_PER_TOKEN);
}

/** Exactly `tokens` tokens of a text, told over and over when it has fewer; of the story when it is empty. */
export function fillToTokens(text: string, tokens: number): string {
  const source = text === "" ? STORY : text;
  const times = Math.ceil((tokens * CODE_POINTS_PER_TOKEN) / codePointCount(source));
  return cutToTokens(source.repeat(times), tokens);
}

/** The story, exactly `tokens` tokens long. */
export function tellStory(tokens: number): string {
  return fillToTokens(STORY, tokens);
}

/** The text in `count` pieces of nearly equal length that join to the text; empty ones when it is too short. */
export function cutIntoPieces(text: string, count: number): string[] {
  const points = SURROGATE.test(text) ? Array.from(text) : null;
  const length = points === null ? text.length : points.length;
  return Array.from({ length: count }, (_, index) => {
    const from = Math.floor((index * length) / count);
    const to = Math.floor(((index + 1) * length) / count);
    return points === null ? text.slice(from, to) : points.slice(from, to).join("");
  });
}
