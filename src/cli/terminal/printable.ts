/**
 * Control characters, and marks that change the direction of what follows, but for those that join letters and emoji: a
 * user's property may hold any of them.
 */
const unprintable = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** With what a terminal would act on, or not show, as `\u{1b}`. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}
