/** UserService's methods over the registry, whatever its messages look like on the wire. */
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
import type { CallContext } from "./call-context.ts";
import type { Disclosure, ToldIdentified } from "./disclosure.ts";
import { toConnectError } from "./errors.ts";
import { watchAccess } from "./guard/access-watch.ts";
import type { Admission } from "./guard/admission.ts";
import type { WorkRoom } from "./guard/semaphore.ts";
import { inTurns, type Turns } from "./guard/turns.ts";
import { orderedPipeline } from "./ordered-pipeline.ts";
import { readPreferencesMode } from "./user-messages.ts";

/** Messages of one stream that are worked on at a time. */
const maxBatchesInFlight = 2;

/** What a message holds, without what protobuf-es adds. */
export type Fields<Message> = Omit<Message, "$typeName" | "$unknown">;

/** Each method throws ConnectError, as the contract promises it. */
export interface UserHandlers {
  identify(request: Fields<IdentifyRequest>, context: CallContext): Promise<ToldIdentified>;
  getUser(request: Fields<GetUserRequest>, context: CallContext): Promise<UserView>;
  batchIdentify(
    requests: AsyncIterable<BatchMessage>,
    context: CallContext,
  ): AsyncIterable<MessageInitShape<typeof BatchIdentifyResponseSchema>>;
  /** @param sizeOf a user's size in the answer's encoding */
  batchGetUsers(request: Fields<BatchGetUsersRequest>, context: CallContext, sizeOf: AnswerSize): Promise<UsersFound>;
  /** @param sizeOf a user's size in the answer's encoding */
  listUsers(request: Fields<ListUsersRequest>, context: CallContext, sizeOf: AnswerSize): Promise<Page>;
  /** Undefined where the caller is told only that the preferences were applied. */
  setPreferences(request: Fields<SetPreferencesRequest>, context: CallContext): Promise<UserView | undefined>;
  deleteUser(request: Fields<DeleteUserRequest>, context: CallContext): Promise<void>;
}

export interface UserHandlersOptions {
  readonly registry: UserRegistry;
  readonly disclosure: Disclosure;
  readonly admission: Admission;
  /** Aborts, with the error that streams end with, when the server begins to drain. */
  readonly draining: AbortSignal;
  /** Memory for messages of BatchIdentify while they are worked on. */
  readonly batchRoom: WorkRoom;
  /** Memory for answers with many users while they are read. */
  readonly readRoom: WorkRoom;
  readonly turns: Turns;
  /** How often the credentials of an open call are checked again. */
  readonly recheckMs: number;
  /** Called with what became of so many users of a batch. */
  readonly onBatchItems?: ((outcome: string, count: number) => void) | undefined;
}

export function createUserHandlers(options: UserHandlersOptions): UserHandlers {
  const { registry, disclosure, admission, draining, batchRoom, readRoom, turns, recheckMs, onBatchItems } = options;
  const writerOf = ({ caller, signal }: CallContext): Writer => ({ mayRead: disclosure.mayLearn(caller), signal });
  /**
   * Counts an answer for its caller, and lets it be encoded in its turn: much that comes from the store at once would be
   * encoded before anything of it is sent.
   */
  const prepared = async (context: CallContext, bytes: number): Promise<void> => {
    context.hold(bytes);
    await turns.take(bytes * encodingCost, context.signal);
  };
  /** @param userOf the user that is answered, if one is */
  const failingAsPromised = async <Answer>(
    context: CallContext,
    work: () => Promise<Answer>,
    userOf?: (answer: Answer) => UserView | undefined,
  ): Promise<Answer> => {
    let entered = false;
    try {
      // Its request may have come a byte at a time, and its credentials may have been revoked meanwhile.
      if (performance.now() - context.admittedAt >= recheckMs) await context.recheck();
      admission.enter("unary");
      entered = true;
      const answer = await work();
      const bytes = bytesOf(userOf?.(answer));
      if (bytes >= minCountedBytes) await prepared(context, bytes);
      return answer;
    } catch (error) {
      throw toConnectError(error, (failure) => context.report(failure));
    } finally {
      if (entered) admission.leave("unary");
    }
  };
  /** Reads users where there is room for an answer of them, which counts for its caller once it is there. */
  const readMany = <Answer>(context: CallContext, sizeOf: AnswerSize, read: (sizeOf: AnswerSize) => Promise<Answer>) =>
    readRoom.run(limits.maxAnswerBytes, context.signal, async () => {
      let bytes = 0;
      const answer = await read((user) => {
        const size = sizeOf(user);
        bytes += size;
        return size;
      });
      await prepared(context, bytes);
      return answer;
    });

  return {
    identify: (request, context) =>
      failingAsPromised(
        context,
        async () => disclosure.identified(context.caller, await registry.identify(request, writerOf(context))),
        ({ user }) => user,
      ),

    getUser: ({ id, onlyProperties }, context) =>
      failingAsPromised(context, () => registry.get(id, onlyProperties, context.signal), theUser),

    async *batchIdentify(requests, context) {
      const work = (request: BatchMessage, sequence: number) => {
        checkBatch(request);
        const { messageBytes } = request;
        context.hold(messageBytes);
        const identified = batchRoom.run(workBytes(request), context.signal, async () => {
          const results = await registry.identifyBatch(request.requests, writerOf(context));
          const told = disclosure.items(context.caller, results);
          const bytes = answerBytes(request, told);
          context.hold(bytes);
          return { answer: batchAnswer(request, told, sequence), counts: countOutcomes(results), bytes };
        });
        return identified.finally(() => context.hold(-messageBytes));
      };
      let entered = false;
      const access = watchAccess(context, recheckMs, draining);
      try {
        admission.enter("stream");
        entered = true;
        const options = { maxInFlight: maxBatchesInFlight, stop: access.stop };
        const answers = orderedPipeline(inTurns(requests, turns, turnCost), work, options);
        for await (const { answer, counts, bytes } of answers) {
          for (const [outcome, count] of Object.entries(counts)) onBatchItems?.(outcome, count);
          yield answer;
          // It has been written, or there is room for it where it is.
          context.hold(-bytes);
        }
      } catch (error) {
        throw toConnectError(error, (failure) => context.report(failure));
      } finally {
        access.end();
        if (entered) admission.leave("stream");
      }
    },

    batchGetUsers: (request, context, sizeOf) =>
      failingAsPromised(context, () =>
        readMany(context, sizeOf, (size) => registry.getMany(request, size, context.signal)),
      ),

    listUsers: (request, context, sizeOf) =>
      failingAsPromised(context, () =>
        readMany(context, sizeOf, (size) => registry.list(request, size, context.signal)),
      ),

    setPreferences: ({ id, preferences, mode, precondition }, context) =>
      failingAsPromised(
        context,
        async () => {
          const merge = readPreferencesMode(mode);
          const input = { id, preferences, merge, precondition };
          return disclosure.user(context.caller, await registry.setPreferences(input, writerOf(context)));
        },
        theUser,
      ),

    deleteUser: (request, context) => failingAsPromised(context, () => registry.delete(request, context.signal)),
  };
}

/** What is smaller is not worth to be counted while it is on its way to the answer. */
const minCountedBytes = 16 * 1024;

/** To encode one byte of an answer is as much work as to decode so many. */
const encodingCost = 4;

function bytesOf(user: UserView | undefined): number {
  return user === undefined ? 0 : user.properties.length + user.preferences.length;
}

function theUser<User extends UserView | undefined>(user: User): User {
  return user;
}
