import type { Exchange } from "../../src/rpc/exchange.ts";

/** Answers with a body, and nothing else. */
export function answerWith(exchange: Exchange, body: string | Uint8Array): void {
  exchange.begin(200, {});
  exchange.end(typeof body === "string" ? Buffer.from(body) : body);
}
