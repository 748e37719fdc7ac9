import { randomBytes } from "node:crypto";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/** Of the counter's 48 bits, those that change with every etag; the others are written out when they change. */
const lowBits = 12;

/**
 * A source of etags that never repeats one: random bytes of its own, then a counter. No clock is involved, so that
 * setting a clock back repeats nothing.
 *
 * @returns a function that draws the next etag, 20 characters of base64url
 */
export function createEtagSource(random: (size: number) => Buffer = randomBytes): () => string {
  const bytes = Buffer.concat([random(9), Buffer.alloc(6)]);
  let drawn = 0;
  let head = "";
  return () => {
    const low = drawn % 2 ** lowBits;
    if (low === 0) {
      bytes.writeUIntBE(drawn, 9, 6);
      head = bytes.toString("base64url").slice(0, -2);
    }
    drawn++;
    return head + alphabet.charAt(low >> 6) + alphabet.charAt(low & 0x3f);
  };
}
