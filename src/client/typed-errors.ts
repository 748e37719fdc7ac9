import type { Transport } from "@connectrpc/connect";
import { failureOfCall } from "./errors.ts";

/** Turns the errors of all calls into RollcallErrors. */
export function withTypedErrors(transport: Transport): Transport {
  return {
    async unary(method, signal, ...call) {
      try {
        return await transport.unary(method, signal, ...call);
      } catch (error) {
        throw failureOfCall(error, signal);
      }
    },
    async stream(method, signal, ...call) {
      try {
        const response = await transport.stream(method, signal, ...call);
        return { ...response, message: typed(response.message, signal) };
      } catch (error) {
        throw failureOfCall(error, signal);
      }
    },
  };
}

async function* typed<Message>(messages: AsyncIterable<Message>, signal: AbortSignal | undefined) {
  try {
    yield* messages;
  } catch (error) {
    throw failureOfCall(error, signal);
  }
}
