/** UserService's methods over the registry: messages in, messages out. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext } from "@connectrpc/connect";
import type { BatchIdentifyResponseSchema, DeleteUserResponseSchema } from "#gen/rollcall/v1/user_service_pb.js";
import type {
  BatchGetUsersRequest,
  BatchGetUsersResponseSchema,
  BatchIdentifyRequest,
  DeleteUserRequest,
  GetUserRequest,
  GetUserResponseSchema,
  IdentifyRequest,
  IdentifyResponseSchema,
  ListUsersRequest,
  ListUsersResponseSchema,
  SetPreferencesRequest,
  SetPreferencesResponseSchema,
} from "#gen-server/rollcall/server/v1/wire_pb.js";
import type { IdentifyInput } from "../users/identify.ts";
import type { AnswerSize } from "../users/reading.ts";
import type { UserRegistry } from "../users/registry.ts";
import { batchAnswer, checkBatch } from "./batch-identify.ts";
import { toConnectError } from "./errors.ts";
import { orderedPipeline } from "./ordered-pipeline.ts";
import { outcomes, readPrecondition, readPreferencesMode, userMessage } from "./user-messages.ts";

/** Messages of one stream that are worked on at a time. */
const maxBatchesInFlight = 4;

export interface UserHandlers {
  identify(request: IdentifyRequest, context: HandlerContext): Promise<MessageInitShape<typeof IdentifyResponseSchema>>;
  getUser(request: GetUserRequest, context: HandlerContext): Promise<MessageInitShape<typeof GetUserResponseSchema>>;
  batchIdentify(
    requests: AsyncIterable<BatchIdentifyRequest>,
    context: HandlerContext,
  ): AsyncIterable<MessageInitShape<typeof BatchIdentifyResponseSchema>>;
  batchGetUsers(
    request: BatchGetUsersRequest,
    context: HandlerContext,
    sizeOf: AnswerSize,
  ): Promise<MessageInitShape<typeof BatchGetUsersResponseSchema>>;
  listUsers(
    request: ListUsersRequest,
    context: HandlerContext,
    sizeOf: AnswerSize,
  ): Promise<MessageInitShape<typeof ListUsersResponseSchema>>;
  setPreferences(
    request: SetPreferencesRequest,
    context: HandlerContext,
  ): Promise<MessageInitShape<typeof SetPreferencesResponseSchema>>;
  deleteUser(
    request: DeleteUserRequest,
    context: HandlerContext,
  ): Promise<MessageInitShape<typeof DeleteUserResponseSchema>>;
}

export interface UserHandlersOptions {
  readonly registry: UserRegistry;
  /** Aborts, with the error that streams end with, when the server begins to drain. */
  readonly draining: AbortSignal;
  /** Called with a failure that its operator should know of: a failing store, and what nobody foresaw. */
  readonly report: (failure: unknown) => void;
}

export function createUserHandlers({ registry, draining, report }: UserHandlersOptions): UserHandlers {
  const failingAsPromised = async <Answer>(work: () => Promise<Answer>): Promise<Answer> => {
    try {
      return await work();
    } catch (error) {
      throw toConnectError(error, report);
    }
  };

  return {
    identify: (request, { signal }) =>
      failingAsPromised(async () => {
        const { user, outcome, ignored } = await registry.identify(readIdentify(request), signal);
        return { user: userMessage(user), outcome: outcomes[outcome], ignoredProperties: [...ignored] };
      }),

    getUser: ({ id, onlyProperties }, { signal }) =>
      failingAsPromised(async () => ({ user: userMessage(await registry.get(id, onlyProperties, signal)) })),

    async *batchIdentify(requests, { signal }) {
      const work = (request: BatchIdentifyRequest, sequence: number) => {
        checkBatch(request);
        const items = registry.identifyBatch(request.requests.map(readIdentify), signal);
        return items.then((results) => batchAnswer(request, results, sequence));
      };
      try {
        yield* orderedPipeline(requests, work, { maxInFlight: maxBatchesInFlight, stop: draining });
      } catch (error) {
        throw toConnectError(error, report);
      }
    },

    batchGetUsers: (request, { signal }, sizeOf) =>
      failingAsPromised(async () => {
        const { users, missingIds, unreadIds } = await registry.getMany(request, sizeOf, signal);
        return { users: users.map(userMessage), missingIds: [...missingIds], unreadIds: [...unreadIds] };
      }),

    listUsers: (request, { signal }, sizeOf) =>
      failingAsPromised(async () => {
        const { users, nextPageToken } = await registry.list(request, sizeOf, signal);
        return { users: users.map(userMessage), nextPageToken };
      }),

    setPreferences: ({ id, preferences, mode, precondition }, { signal }) =>
      failingAsPromised(async () => {
        const input = {
          id,
          preferences,
          merge: readPreferencesMode(mode),
          precondition: readPrecondition(precondition),
        };
        return { user: userMessage(await registry.setPreferences(input, signal)) };
      }),

    deleteUser: ({ id, precondition, allowMissing }, { signal }) =>
      failingAsPromised(async () => {
        await registry.delete({ id, precondition: readPrecondition(precondition), allowMissing }, signal);
        return {};
      }),
  };
}

function readIdentify(request: IdentifyRequest): IdentifyInput {
  const { id, properties, setOnce, unset, observedAt, validateOnly } = request;
  return {
    id,
    properties,
    setOnce,
    unset,
    precondition: readPrecondition(request.precondition),
    observedAt,
    validateOnly,
  };
}
