/** Which messages of a request came compressed. Connect, which decompresses them, does not tell its handlers. */
import { type ConnectRouter, createContextKey, createContextValues, type HandlerContext } from "@connectrpc/connect";
import type { UniversalHandlerFn, UniversalServerRequest } from "@connectrpc/connect/protocol";
import { EnvelopeReader } from "../../../src/rpc/envelopes.ts";
import { limits } from "../../../src/users/limits.ts";

const compressedFlag = 1;
const compressedKey = createContextKey<readonly boolean[]>([], { description: "which messages came compressed" });

/** Of each message that has been read so far, in their order. */
export function compressedIn({ values }: HandlerContext): readonly boolean[] {
  return values.get(compressedKey);
}

/** Lets all handlers know that a router has so far. */
export function notingCompression({ handlers }: ConnectRouter): void {
  for (const [index, handler] of handlers.entries()) {
    const noting: UniversalHandlerFn = (request) => handler(noted(request));
    handlers[index] = Object.assign(noting, handler);
  }
}

function noted(request: UniversalServerRequest): UniversalServerRequest {
  const { body, contextValues = createContextValues() } = request;
  if (body === null || typeof body !== "object" || !(Symbol.asyncIterator in body)) return request;
  const compressed: boolean[] = [];
  contextValues.set(compressedKey, compressed);
  return { ...request, contextValues, body: notedBody(body, compressed) };
}

async function* notedBody(body: AsyncIterable<Uint8Array>, compressed: boolean[]): AsyncGenerator<Uint8Array> {
  const envelopes = new EnvelopeReader(limits.maxRequestBytes);
  for await (const piece of body) {
    envelopes.add(Buffer.from(piece));
    for (let next = envelopes.next(); next !== undefined; next = envelopes.next()) {
      compressed.push(((next[0] ?? 0) & compressedFlag) !== 0);
    }
    yield piece;
  }
}
