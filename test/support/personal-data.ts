/**
 * What no server may tell of the people whom it keeps and of those who call: searched for in all that the servers of the
 * tests log, measure and trace. A finding fails the test that runs, or its file.
 */

/** Required of every user, and so in nearly all that the tests send; and what credentials look like. */
const patterns: readonly RegExp[] = [
  /[\w.+-]@[\w-]+\.\w/,
  /\bAda\b/,
  /s[e3]cret/i,
  /\bBearer [\w~+/.-]/i,
  /\beyJ[\w-]{8}/,
];
const words = new Set<string>();
const findings = new Set<string>();

/** Remembers a trait, an id, a token or a password that a test sends. At least eight characters, so that it is met nowhere else. */
export function personal(word: string): string {
  if (word.length < 8) throw new RangeError(`too short to be told apart: ${word}`);
  words.add(word);
  return word;
}

/** What is found in a text that must hold none. */
export function personalDataIn(text: string): string | undefined {
  for (const word of words) if (text.includes(word)) return word;
  for (const pattern of patterns) {
    const [found] = pattern.exec(text) ?? [];
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * @param teller whose words they are, for people
 * @returns takes what it tells, in pieces; whole lines are searched, wherever they are cut
 */
export function listenTo(teller: string): (piece: string) => void {
  let unfinished = "";
  return (piece) => {
    const lines = (unfinished + piece).split("\n");
    unfinished = lines.at(-1) ?? "";
    for (const line of lines) {
      const found = personalDataIn(line);
      if (found !== undefined) findings.add(`${teller} tells ${JSON.stringify(found)}: ${line.slice(0, 1_000)}`);
    }
  };
}

/** What has been found since it was last asked. */
export function takeFindings(): string[] {
  const found = [...findings];
  findings.clear();
  return found;
}
