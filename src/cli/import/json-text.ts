/** Parts of JSON text as they were written, of text that JSON.parse has read: with each digit, each repeated name. */

/** A member of an object: its name, and the text of its value. */
export type Member = readonly [name: string, value: string];

/** The members of the object that the text is, in its order. */
export function membersOf(text: string): Member[] {
  return partsOf(text).map((part) => {
    const end = stringEnd(part, 0);
    return [String(JSON.parse(part.slice(0, end))), part.slice(part.indexOf(":", end) + 1).trim()];
  });
}

/** The text of an object with these members. */
export function objectText(members: readonly Member[]): string {
  return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(",")}}`;
}

/** The value that JSON.parse gives to a name: the last one. */
export function memberOf(text: string, wanted: string): string | undefined {
  return membersOf(text).findLast(([name]) => name === wanted)?.[1];
}

/** The texts of what is between the commas of an object or a list. */
export function partsOf(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  const take = (to: number) => {
    const part = text.slice(from, to).trim();
    if (part !== "") parts.push(part);
  };
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') at = stringEnd(text, at) - 1;
    else if (character === "{" || character === "[") {
      if (depth++ === 0) from = at + 1;
    } else if (character === "}" || character === "]") {
      if (--depth === 0) take(at);
    } else if (character === "," && depth === 1) {
      take(at);
      from = at + 1;
    }
  }
  return parts;
}

/** JSON text without line ends: between the parts of a value they mean nothing, and in a string there are none. */
export function onOneLine(text: string): string {
  return /[\r\n]/.test(text) ? text.replace(/[\r\n]/g, " ") : text;
}

/** Where the string ends that begins at a quote: behind its other quote. */
function stringEnd(text: string, from: number): number {
  let at = from + 1;
  while (text[at] !== '"' && at < text.length) at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}
