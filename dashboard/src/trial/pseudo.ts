/** English in disguise: a third longer, with accents, between brackets, so that what is cut off or not translated is seen. */

const ACCENTED = new Map(
  [..."aeiouyncsAEIOUNCS"].map((letter, n) => [letter, [..."áéîöüýñçšÁÉÎÖÜÑÇŠ"][n] ?? letter]),
);
const LONGER = 0.35;

/** Every text of the tree disguised; arguments, plurals and tags go on working. */
export function pseudo<Tree>(messages: Tree): Tree {
  if (typeof messages === "string") return `⟦${disguise(messages)}⟧` as Tree;
  const entries = Object.entries(messages as object).map(([name, value]) => [name, pseudo(value)]);
  return Object.fromEntries(entries) as Tree;
}

/** Of ICU's message format: text is at even depths of braces, what is computed at odd ones; tags are left alone. */
function disguise(message: string): string {
  let depth = 0;
  let tag = false;
  let letters = 0;
  let text = "";
  for (const char of message) {
    if (char === "{") depth += 1;
    if (char === "}") depth -= 1;
    if (char === "<") tag = true;
    const plain = depth % 2 === 0 && !tag && char !== "}";
    if (plain && /[a-z]/i.test(char)) letters += 1;
    text += plain ? (ACCENTED.get(char) ?? char) : char;
    if (char === ">") tag = false;
  }
  return text + " ~".repeat(Math.ceil((letters * LONGER) / 2));
}
