import { randomBytes } from "node:crypto";

const alphabet = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", "latin1");
/** The low bits of the 48-bit counter are written with every etag, the others only when they change. */
const lowBits = 12;
const length = 20;

/**
 * A source of etags that never repeats one: random bytes, then a counter. It uses no clock, so setting a clock back repeats
 * nothing.
 *
 * @returns a function that draws the next etag, 20 characters of base64url
 */
export function createEtagSource(random: (size: number) => Buffer = randomBytes): () => string {
  const bytes = Buffer.concat([random(9), Buffer.alloc(6)]);
  const text = Buffer.alloc(length);
  let drawn = 0;
  return () => {
    const low = drawn % 2 ** lowBits;
    if (low === 0) {
      bytes.writeUIntBE(drawn, 9, 6);
      text.write(bytes.toString("base64url"), "latin1");
    }
    drawn++;
    text[length - 2] = alphabet[low >> 6] ?? 0;
    text[length - 1] = alphabet[low & 0x3f] ?? 0;
    return text.toString("latin1");
  };
}
