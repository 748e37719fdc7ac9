/** The two ways to send the chunks of an import: a stream, and call after call where there are no such streams. */
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createContextValues } from "@connectrpc/connect";
import { type BatchIdentifyRequest, IdentifyUsersRequestSchema } from "#gen/rollcall/v1/user_service_pb.js";
import type { RollcallClient } from "./client.ts";
import { RollcallError } from "./errors.ts";
import { ForeignAnswer } from "./foreign-answers.ts";
import { Http2Required } from "./http-versions.ts";
import type { ChunkAnswer } from "./import-tally.ts";
import { isRetried } from "./retries.ts";

/** How long one call may take. Over HTTP/1.1, nothing else finds a connection whose other end has gone. */
const answerTimeoutMs = 60_000;

/** The messages of an import, from the first unanswered one. */
interface Messages {
  readonly forStream: () => AsyncIterable<BatchIdentifyRequest>;
  readonly forCalls: () => AsyncIterable<BatchIdentifyRequest>;
}

/**
 * The answers to messages, in order: over BatchIdentify, or over IdentifyUsers if the connection is HTTP/1.1.
 *
 * @param signal ends the calls
 */
export async function* chunkAnswers(
  client: RollcallClient,
  { forStream, forCalls }: Messages,
  signal: AbortSignal,
): AsyncGenerator<ChunkAnswer> {
  try {
    yield* client.batchIdentify(forStream(), { signal });
  } catch (error) {
    if (!(error instanceof RollcallError && error.cause instanceof Http2Required)) throw error;
    yield* callByCall(client, forCalls(), signal);
  }
}

/** One call at a time, so that the items of a user keep their order. */
async function* callByCall(
  client: RollcallClient,
  messages: AsyncIterable<BatchIdentifyRequest>,
  signal: AbortSignal,
): AsyncGenerator<ChunkAnswer> {
  const contextValues = createContextValues().set(isRetried, false);
  const options = { signal, timeoutMs: answerTimeoutMs, contextValues };
  for await (const message of messages) {
    yield await client.identifyUsers(identifyUsersRequest(message), options).catch((error: unknown) => {
      throw explained(error);
    });
  }
}

function explained(error: unknown): unknown {
  if (!(error instanceof RollcallError) || error.code !== Code.Unimplemented) return error;
  if (error.cause instanceof ForeignAnswer) return error;
  const message = "an import over HTTP/1.1 calls IdentifyUsers, which servers have from version 0.2 on";
  return new ConnectError(message, error.code, undefined, undefined, error);
}

/** Both messages have the same fields, of which `requests` is there as bytes (`chunks.ts`). */
function identifyUsersRequest({ report, $unknown }: BatchIdentifyRequest) {
  const request = create(IdentifyUsersRequestSchema, { report });
  if ($unknown !== undefined) request.$unknown = $unknown;
  return request;
}
