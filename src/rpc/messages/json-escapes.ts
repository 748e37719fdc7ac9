/** Escapes in the text of a JSON string (RFC 8259, section 7), and their values. */

const backslash = 0x5c;
const letterU = 0x75;
/** Digits of a \u escape. */
const hexLength = 4;
const noDigit = 0xff;

/** The byte that an escape of one letter stands for, by that letter; 0 for other letters. */
const escapes = new Uint8Array(256);
for (const [letter, meaning] of ['""', "\\\\", "//", "b\b", "f\f", "n\n", "r\r", "t\t"]) {
  escapes[byteOf(letter)] = byteOf(meaning);
}

const hexValues = new Uint8Array(256).fill(noDigit);
for (const [value, digit] of [..."0123456789abcdef"].entries()) {
  hexValues[byteOf(digit)] = value;
  hexValues[byteOf(digit.toUpperCase())] = value;
}

/**
 * @param backslashAt where the escape begins
 * @returns the position of its last byte; if it is not an escape, the complement (`~at`) of the position of the first wrong byte
 */
export function endOfEscape(text: Uint8Array, backslashAt: number): number {
  const at = backslashAt + 1;
  const letter = text[at] ?? 0;
  if (letter !== letterU) return escapes[letter] === 0 ? ~at : at;
  for (let digit = at + 1; digit <= at + hexLength; digit++) {
    if (hexValues[text[digit] ?? 0] === noDigit) return ~digit;
  }
  return at + hexLength;
}

/**
 * Writes the value of a string's text [start, end) in UTF-8. Its escapes have to be valid: see `endOfEscape`.
 *
 * @param into has room for as many bytes as the text: no escape is shorter than its value
 * @returns how many bytes the value has; -1 if it holds half of a surrogate pair
 */
export function unescapeText(text: Uint8Array, start: number, end: number, into: Uint8Array): number {
  let length = 0;
  for (let at = start; at < end; at++) {
    const byte = text[at] ?? 0;
    if (byte !== backslash) {
      into[length++] = byte;
      continue;
    }
    const letter = text[++at] ?? 0;
    if (letter !== letterU) {
      into[length++] = escapes[letter] ?? 0;
      continue;
    }
    let code = hexAt(text, at + 1);
    at += hexLength;
    if (isHighSurrogate(code) && text[at + 1] === backslash && text[at + 2] === letterU) {
      const low = hexAt(text, at + 3);
      if (isLowSurrogate(low)) {
        code = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        at += hexLength + 2;
      }
    }
    if (code >= 0xd800 && code <= 0xdfff) return -1;
    length = writeUtf8(into, length, code);
  }
  return length;
}

function hexAt(text: Uint8Array, start: number): number {
  let value = 0;
  for (let at = start; at < start + hexLength; at++) value = 16 * value + (hexValues[text[at] ?? 0] ?? 0);
  return value;
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}

function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff;
}

/** @returns the position after it */
function writeUtf8(bytes: Uint8Array, start: number, code: number): number {
  let at = start;
  if (code < 0x80) {
    bytes[at++] = code;
    return at;
  }
  if (code < 0x800) bytes[at++] = 0xc0 | (code >> 6);
  else {
    if (code < 0x1_0000) bytes[at++] = 0xe0 | (code >> 12);
    else {
      bytes[at++] = 0xf0 | (code >> 18);
      bytes[at++] = 0x80 | ((code >> 12) & 0x3f);
    }
    bytes[at++] = 0x80 | ((code >> 6) & 0x3f);
  }
  bytes[at++] = 0x80 | (code & 0x3f);
  return at;
}

function byteOf(character = ""): number {
  return character.charCodeAt(0);
}
