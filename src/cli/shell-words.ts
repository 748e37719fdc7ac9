/** A word of a shell command, in quotes if it needs them. */
export function shellWord(word: string): string {
  return /^[\w.@%+:=,/-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
