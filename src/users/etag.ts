import { randomBytes } from "node:crypto";

/**
 * A source of etags that never repeats one: random bytes of its own, then a counter. No clock is involved, so that
 * setting a clock back repeats nothing.
 *
 * @returns a function that draws the next etag, 20 characters of base64url
 */
export function createEtagSource(random: (size: number) => Buffer = randomBytes): () => string {
  const bytes = Buffer.concat([random(9), Buffer.alloc(6)]);
  let drawn = 0;
  return () => {
    bytes.writeUIntBE(drawn++, 9, 6);
    return bytes.toString("base64url");
  };
}
