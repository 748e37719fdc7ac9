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
import type { Caller } from "../credentials/caller.ts";
import type { IdentifyInput } from "../users/identify.ts";
import type { AnswerSize, UserView } from "../users/reading.ts";
import type { Identified, Page, UserRegistry, UsersFound } from "../users/registry.ts";
import type { Admission } from "./admission.ts";
import { type BatchMessage, batchAnswer, checkBatch } from "./batch-identify.ts";
import type { CallContext } from "./call-context.ts";
import { toConnectError } from "./errors.ts";
import { orderedPipeline } from "./ordered-pipeline.ts";
import { readPrecondition, readPreferencesMode } from "./user-messages.ts";

/** Messages of one stream that are worked on at a time. */
const maxBatchesInFlight = 2;

/** What a message holds, without what protobuf-es adds. */
export type Fields<Message> = Omit<Message, "$typeName" | "$unknown">;

/** Each method throws ConnectError, as the contract promises it. */
export interface UserHandlers {
  identify(request: Fields<IdentifyRequest>, context: CallContext): Promise<Identified>;
  getUser(request: Fields<GetUserRequest>, context: CallContext): Promise<UserView>;
  batchIdentify(
    requests: AsyncIterable<BatchMessage>,
    context: CallContext,
  ): AsyncIterable<MessageInitShape<typeof BatchIdentifyResponseSchema>>;
  /** @param sizeOf a user's size in the answer's encoding */
  batchGetUsers(request: Fields<BatchGetUsersRequest>, context: CallContext, sizeOf: AnswerSize): Promise<UsersFound>;
  /** @param sizeOf a user's size in the answer's encoding */
  listUsers(request: Fields<ListUsersRequest>, context: CallContext, sizeOf: AnswerSize): Promise<Page>;
  setPreferences(request: Fields<SetPreferencesRequest>, context: CallContext): Promise<UserView>;
  deleteUser(request: Fields<DeleteUserRequest>, context: CallContext): Promise<void>;
}

export interface UserHandlersOptions {
  readonly registry: UserRegistry;
  readonly admission: Admission;
  /** Aborts, with the error that streams end with, when the server begins to drain. */
  readonly draining: AbortSignal;
  /** Called with what became of so many users of a batch. */
  readonly onBatchItems?: ((outcome: string, count: number) => void) | undefined;
}

export function createUserHandlers({ registry, admission, draining, onBatchItems }: UserHandlersOptions): UserHandlers {
  const failingAsPromised = async <Answer>(context: CallContext, work: () => Promise<Answer>): Promise<Answer> => {
    let entered = false;
    try {
      admission.enter("unary");
      entered = true;
      return await work();
    } catch (error) {
      throw toConnectError(error, (failure) => context.report(failure));
    } finally {
      if (entered) admission.leave("unary");
    }
  };

  return {
    identify: (request, context) =>
      failingAsPromised(context, async () => {
        const identified = await registry.identify(readIdentify(request), context.signal);
        return mayRead(context.caller) ? identified : { ...identified, user: withoutTraits(identified.user) };
      }),

    getUser: ({ id, onlyProperties }, context) =>
      failingAsPromised(context, () => registry.get(id, onlyProperties, context.signal)),

    async *batchIdentify(requests, context) {
      const work = (request: BatchMessage, sequence: number) => {
        checkBatch(request);
        const items = registry.identifyBatch(request.requests.map(readIdentify), context.signal);
        return items.then((results) => {
          const answer = batchAnswer(request, results, sequence);
          for (const outcome of outcomesOfItems) onBatchItems?.(outcome, answer[outcome]);
          return answer;
        });
      };
      let entered = false;
      try {
        admission.enter("stream");
        entered = true;
        yield* orderedPipeline(requests, work, { maxInFlight: maxBatchesInFlight, stop: draining });
      } catch (error) {
        throw toConnectError(error, (failure) => context.report(failure));
      } finally {
        if (entered) admission.leave("stream");
      }
    },

    batchGetUsers: (request, context, sizeOf) =>
      failingAsPromised(context, () => registry.getMany(request, sizeOf, context.signal)),

    listUsers: (request, context, sizeOf) =>
      failingAsPromised(context, () => registry.list(request, sizeOf, context.signal)),

    setPreferences: ({ id, preferences, mode, precondition }, context) =>
      failingAsPromised(context, async () => {
        const input = {
          id,
          preferences,
          merge: readPreferencesMode(mode),
          precondition: readPrecondition(precondition),
        };
        const user = await registry.setPreferences(input, context.signal);
        return mayRead(context.caller) ? user : withoutTraits(user);
      }),

    deleteUser: ({ id, precondition, allowMissing }, context) =>
      failingAsPromised(context, () =>
        registry.delete({ id, precondition: readPrecondition(precondition), allowMissing }, context.signal),
      ),
  };
}

const outcomesOfItems = ["created", "updated", "unchanged", "failed"] as const;

function mayRead({ scopes }: Caller): boolean {
  return scopes.has("users.read");
}

/** What a caller is told of a user that it may write and not read. */
function withoutTraits(user: UserView): UserView {
  return { ...user, properties: nothing, preferences: nothing };
}

const nothing = new Uint8Array();

function readIdentify(request: Fields<IdentifyRequest>): IdentifyInput {
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
