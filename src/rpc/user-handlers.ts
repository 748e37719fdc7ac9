/** UserService's methods over the registry, for every protocol. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { BatchIdentifyResponseSchema, GetRegistryRequest } from "#gen/rollcall/v1/user_service_pb.js";
import type {
  BatchGetUsersRequest,
  CountUsersRequest,
  DeleteUserRequest,
  FindUsersRequest,
  GetUserRequest,
  IdentifyRequest,
  ListUsersRequest,
  ScanUsersRequest,
  SetPreferencesRequest,
} from "#gen-server/rollcall/server/v1/wire_pb.js";
import { anybody, type Principal } from "../credentials/principal.ts";
import { limits } from "../users/limits.ts";
import type { AnswerSize, UserView } from "../users/reading.ts";
import type { Page, RegistryDescription, UserRegistry, UsersFound, Writer } from "../users/registry.ts";
import type { ScannedPage } from "../users/search/scan.ts";
import {
  answerBytes,
  type BatchAnswer,
  type BatchMessage,
  batchAnswer,
  checkBatch,
  countOutcomes,
  type OutcomeCounts,
  type StreamedBatch,
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

/** Messages of one stream that are worked on at one time. */
const maxBatchesInFlight = 2;

/** What GetRegistry answers. */
export interface DescribedRegistry extends RegistryDescription {
  readonly version: string;
  /** Undefined if the server asks for no credentials. */
  readonly principal: Principal | undefined;
}

/** Each method throws UserError. */
export interface UserHandlers {
  identify(request: Fields<IdentifyRequest>, call: CallContext): Promise<ToldIdentified>;
  getUser(request: Fields<GetUserRequest>, call: CallContext): Promise<UserView>;
  /** @param stop aborts with the error of the stream, once no more requests are taken */
  batchIdentify(
    requests: AsyncIterable<StreamedBatch>,
    call: CallContext,
    stop: AbortSignal,
  ): AsyncIterable<MessageInitShape<typeof BatchIdentifyResponseSchema>>;
  identifyUsers(request: BatchMessage, call: CallContext): Promise<BatchAnswer>;
  batchGetUsers(request: Fields<BatchGetUsersRequest>, call: CallContext): Promise<UsersFound>;
  listUsers(request: Fields<ListUsersRequest>, call: CallContext): Promise<Page>;
  findUsers(request: Fields<FindUsersRequest>, call: CallContext): Promise<Page>;
  countUsers(request: Fields<CountUsersRequest>, call: CallContext): Promise<number>;
  scanUsers(request: Fields<ScanUsersRequest>, call: CallContext): Promise<ScannedPage>;
  /** Resolves with undefined for a caller that may not see the user. */
  setPreferences(request: Fields<SetPreferencesRequest>, call: CallContext): Promise<UserView | undefined>;
  deleteUser(request: Fields<DeleteUserRequest>, call: CallContext): Promise<void>;
  getRegistry(request: Fields<GetRegistryRequest>, call: CallContext): Promise<DescribedRegistry>;
}

export interface UserHandlersOptions {
  readonly registry: UserRegistry;
  /** Of the server. */
  readonly version: string;
  readonly disclosure: Disclosure;
  /** Bounds the memory of messages of BatchIdentify and IdentifyUsers while they are worked on. */
  readonly batchWork: Semaphore;
  /** Bounds the memory of answers with many users while they are read. */
  readonly reads: Semaphore;
  readonly turns: Turns;
  /** Counts users of batches by outcome. */
  readonly onBatchItems?: ((outcome: string, count: number) => void) | undefined;
}

export function createUserHandlers(options: UserHandlersOptions): UserHandlers {
  const { registry, version, disclosure, batchWork, reads, turns, onBatchItems } = options;
  const writerOf = ({ principal, signal }: CallContext): Writer => ({
    mayRead: disclosure.mayLearn(principal),
    signal,
  });
  /**
   * Counts an answer against the memory budget, and waits for its turn to be encoded. Otherwise, many answers that come from the
   * store together would be encoded before the first is sent.
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
  /** Reads users once there is room for their answer. */
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
  /** Identifies a message's items once there is room for them, and counts their answer against the memory budget. */
  const identifyItems = (request: BatchMessage, call: CallContext) =>
    batchWork.run(workBytes(request), call.signal, async () => {
      const results = await registry.identifyBatch(request.requests, writerOf(call));
      const told = disclosure.items(call.principal, results);
      const bytes = answerBytes(request, told);
      call.hold(bytes);
      return { answer: batchAnswer(request, told), counts: countOutcomes(results), bytes };
    });
  const countItems = (counts: OutcomeCounts) => {
    for (const [outcome, count] of Object.entries(counts)) onBatchItems?.(outcome, count);
  };

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
      const work = (request: StreamedBatch, sequence: number) => {
        checkBatch(request);
        const { messageBytes } = request;
        call.hold(messageBytes);
        return identifyItems(request, call)
          .then((identified) => ({ ...identified, sequence }))
          .finally(() => call.hold(-messageBytes));
      };
      const inOrder = { maxInFlight: maxBatchesInFlight, stop };
      for await (const { answer, counts, bytes, sequence } of orderedPipeline(
        inTurns(requests, turns, turnCost),
        work,
        inOrder,
      )) {
        countItems(counts);
        yield { sequence, ...answer };
        // The answer has been written, or fits into the buffers of its exchange.
        call.hold(-bytes);
      }
    },

    async identifyUsers(request, call) {
      checkBatch(request);
      await turns.take(turnCost(request), call.signal);
      const { answer, counts, bytes } = await identifyItems(request, call);
      countItems(counts);
      await turns.take(bytes * encodingCost, call.signal);
      return answer;
    },

    batchGetUsers: (request, call) => readMany(call, (sizeOf) => registry.getMany(request, sizeOf, call.signal)),

    listUsers: (request, call) => readMany(call, (sizeOf) => registry.list(request, sizeOf, call.signal)),

    findUsers: (request, call) => readMany(call, (sizeOf) => registry.find(request, sizeOf, call.signal)),

    countUsers: (request, call) => registry.count(request, call.signal),

    scanUsers: (request, call) => readMany(call, (sizeOf) => registry.scan(request, sizeOf, call.signal)),

    async setPreferences({ id, preferences, mode, precondition }, call) {
      const input = { id, preferences, merge: readPreferencesMode(mode), precondition };
      const user = disclosure.user(call.principal, await registry.setPreferences(input, writerOf(call)));
      return prepared(call, user, user);
    },

    deleteUser: (request, call) => registry.delete(request, call.signal),

    async getRegistry(_request, { principal, signal }) {
      return {
        ...(await registry.describe(disclosure.mayRead(principal), signal)),
        version,
        principal: principal === anybody ? undefined : principal,
      };
    },
  };
}

/** Smaller answers are not counted before they are written. */
const minCountedBytes = 16 * 1024;

/** The work to encode a byte, in bytes to decode. */
const encodingCost = 4;
