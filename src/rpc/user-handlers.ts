/** UserService's methods over the registry, whatever protocol they are called in. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { BatchIdentifyResponseSchema } from "#gen/rollcall/v1/user_service_pb.js";
import type {
  BatchGetUsersRequest,
  DeleteUserRequest,
  GetUserRequest,
  IdentifyRequest,
  ListUsersRequest,
  SetPreferencesRequest,
} from "#gen-server/rollcall/server/v1/wire_pb.js";
import { limits } from "../users/limits.ts";
import type { AnswerSize, UserView } from "../users/reading.ts";
import type { Page, UserRegistry, UsersFound, Writer } from "../users/registry.ts";
import {
  answerBytes,
  type BatchMessage,
  batchAnswer,
  checkBatch,
  countOutcomes,
  turnCost,
  workBytes,
} from "./batch-identify.ts";
import type { CallContext } from "./call/call-context.ts";
import type { Disclosure, ToldIdentified } from "./disclosure.ts";
import type { Semaphore } from "./guard/semaphore.ts";
import { inTurns, type Turns } from "./guard/turns.ts";
import type { Fields } from "./messages/request-reader.ts";
import { orderedPipeline } from "./ordered-pipeline.ts";
import { readPreferencesMode, userSizes } from "./user-messages.ts";

/** Messages of one stream that are worked on at a time. */
const maxBatchesInFlight = 2;

/** Each method throws UserError. */
export interface UserHandlers {
  identify(request: Fields<IdentifyRequest>, call: CallContext): Promise<ToldIdentified>;
  getUser(request: Fields<GetUserRequest>, call: CallContext): Promise<UserView>;
  /** @param stop aborts, with the error to end with, once no more requests are taken */
  batchIdentify(
    requests: AsyncIterable<BatchMessage>,
    call: CallContext,
    stop: AbortSignal,
  ): AsyncIterable<MessageInitShape<typeof BatchIdentifyResponseSchema>>;
  batchGetUsers(request: Fields<BatchGetUsersRequest>, call: CallContext): Promise<UsersFound>;
  listUsers(request: Fields<ListUsersRequest>, call: CallContext): Promise<Page>;
  /** Undefined where the caller is told only that the preferences were applied. */
  setPreferences(request: Fields<SetPreferencesRequest>, call: CallContext): Promise<UserView | undefined>;
  deleteUser(request: Fields<DeleteUserRequest>, call: CallContext): Promise<void>;
}

export interface UserHandlersOptions {
  readonly registry: UserRegistry;
  readonly disclosure: Disclosure;
  /** Bounds the memory of messages of BatchIdentify while they are worked on. */
  readonly batchWork: Semaphore;
  /** Bounds the memory of answers with many users while they are read. */
  readonly reads: Semaphore;
  readonly turns: Turns;
  /** Called with what became of so many users of a batch. */
  readonly onBatchItems?: ((outcome: string, count: number) => void) | undefined;
}

export function createUserHandlers(options: UserHandlersOptions): UserHandlers {
  const { registry, disclosure, batchWork, reads, turns, onBatchItems } = options;
  const writerOf = ({ principal, signal }: CallContext): Writer => ({
    mayRead: disclosure.mayLearn(principal),
    signal,
  });
  /**
   * Counts an answer for its caller, and lets it be encoded in its turn: much that comes from the store at once would be
   * encoded before any of it is sent.
   */
  const prepare = async (call: CallContext, bytes: number): Promise<void> => {
    call.hold(bytes);
    await turns.take(bytes * encodingCost, call.signal);
  };
  const prepared = <Answer>(
    call: CallContext,
    answer: Answer,
    user: UserView | undefined,
  ): Answer | Promise<Answer> => {
    const bytes = user === undefined ? 0 : user.properties.length + user.preferences.length;
    return bytes < minCountedBytes ? answer : prepare(call, bytes).then(() => answer);
  };
  /** Reads users once there is room for an answer of them, which counts for its caller once it is there. */
  const readMany = <Answer>(call: CallContext, read: (sizeOf: AnswerSize) => Promise<Answer>) =>
    reads.run(limits.maxAnswerBytes, call.signal, async () => {
      const sizeOf = userSizes[call.encoding];
      let bytes = 0;
      const answer = await read((user) => {
        const size = sizeOf(user);
        bytes += size;
        return size;
      });
      await prepare(call, bytes);
      return answer;
    });

  return {
    async identify(request, call) {
      const told = disclosure.identified(call.principal, await registry.identify(request, writerOf(call)));
      return prepared(call, told, told.user);
    },

    async getUser({ id, onlyProperties }, call) {
      const user = await registry.get(id, onlyProperties, call.signal);
      return prepared(call, user, user);
    },

    async *batchIdentify(requests, call, stop) {
      const work = (request: BatchMessage, sequence: number) => {
        checkBatch(request);
        const { messageBytes } = request;
        call.hold(messageBytes);
        const identified = batchWork.run(workBytes(request), call.signal, async () => {
          const results = await registry.identifyBatch(request.requests, writerOf(call));
          const told = disclosure.items(call.principal, results);
          const bytes = answerBytes(request, told);
          call.hold(bytes);
          return { answer: batchAnswer(request, told, sequence), counts: countOutcomes(results), bytes };
        });
        return identified.finally(() => call.hold(-messageBytes));
      };
      const inOrder = { maxInFlight: maxBatchesInFlight, stop };
      for await (const { answer, counts, bytes } of orderedPipeline(
        inTurns(requests, turns, turnCost),
        work,
        inOrder,
      )) {
        for (const [outcome, count] of Object.entries(counts)) onBatchItems?.(outcome, count);
        yield answer;
        // It has been written, or there is room for it where it is.
        call.hold(-bytes);
      }
    },

    batchGetUsers: (request, call) => readMany(call, (sizeOf) => registry.getMany(request, sizeOf, call.signal)),

    listUsers: (request, call) => readMany(call, (sizeOf) => registry.list(request, sizeOf, call.signal)),

    async setPreferences({ id, preferences, mode, precondition }, call) {
      const input = { id, preferences, merge: readPreferencesMode(mode), precondition };
      const user = disclosure.user(call.principal, await registry.setPreferences(input, writerOf(call)));
      return prepared(call, user, user);
    },

    deleteUser: (request, call) => registry.delete(request, call.signal),
  };
}

/** A smaller answer is not worth counting on its way to its caller. */
const minCountedBytes = 16 * 1024;

/** Encoding one byte of an answer takes as much work as decoding so many. */
const encodingCost = 4;
