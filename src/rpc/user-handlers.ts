/** UserService's methods over the registry: messages in, messages out. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { TimestampSchema } from "@bufbuild/protobuf/wkt";
import type { HandlerContext } from "@connectrpc/connect";
import {
  type BatchIdentifyResponseSchema,
  type BatchIdentifyResultSchema,
  BatchReport,
  Outcome,
} from "#gen/rollcall/v1/user_service_pb.js";
import type {
  BatchIdentifyRequest,
  GetUserRequest,
  GetUserResponseSchema,
  IdentifyRequest,
  IdentifyResponseSchema,
  UserSchema,
} from "#gen-server/rollcall/server/v1/wire_pb.js";
import { invalidRequest, limitExceeded, notImplemented, UserError } from "../users/errors.ts";
import type { IdentifyInput } from "../users/identify.ts";
import { limits } from "../users/limits.ts";
import type { BatchItemResult, UserRegistry, UserView } from "../users/registry.ts";
import type { IdentifyOutcome } from "../users/store.ts";
import { codeOf, fitting, toConnectError } from "./errors.ts";
import { orderedPipeline } from "./ordered-pipeline.ts";

/** Messages of one stream that are worked on at a time. */
const maxBatchesInFlight = 4;
/** Bytes of violations that one item's error holds, so that an answer with a thousand of them stays small. */
const maxItemViolationBytes = 1_500;

export interface UserHandlers {
  identify(request: IdentifyRequest, context: HandlerContext): Promise<MessageInitShape<typeof IdentifyResponseSchema>>;
  getUser(request: GetUserRequest, context: HandlerContext): Promise<MessageInitShape<typeof GetUserResponseSchema>>;
  batchIdentify(
    requests: AsyncIterable<BatchIdentifyRequest>,
    context: HandlerContext,
  ): AsyncIterable<MessageInitShape<typeof BatchIdentifyResponseSchema>>;
}

export interface UserHandlersOptions {
  readonly registry: UserRegistry;
  /** Aborts, with the error that streams end with, when the server begins to drain. */
  readonly draining: AbortSignal;
  /** Called with a failure that its operator should know of: a failing store, and what nobody foresaw. */
  readonly report: (failure: unknown) => void;
}

export function createUserHandlers({ registry, draining, report }: UserHandlersOptions): UserHandlers {
  return {
    async identify(request, { signal }) {
      try {
        const { user, outcome } = await registry.identify(readIdentify(request), signal);
        return { user: userMessage(user), outcome: outcomes[outcome] };
      } catch (error) {
        throw toConnectError(error, report);
      }
    },

    async getUser(request, { signal }) {
      try {
        return { user: userMessage(await registry.get(request.id, request.onlyProperties, signal)) };
      } catch (error) {
        throw toConnectError(error, report);
      }
    },

    async *batchIdentify(requests, { signal }) {
      const work = (request: BatchIdentifyRequest, sequence: number) => {
        checkBatch(request);
        const items = registry.identifyBatch(request.requests.map(readItem), signal);
        return items.then((results) => batchMessage(request, results, sequence));
      };
      try {
        yield* orderedPipeline(requests, work, { maxInFlight: maxBatchesInFlight, stop: draining });
      } catch (error) {
        throw toConnectError(error, report);
      }
    },
  };
}

/** @throws UserError NOT_IMPLEMENTED for a field that this server does not honour */
function readIdentify(request: IdentifyRequest): IdentifyInput {
  if (request.setOnce.length > 0) throw notImplemented("set_once");
  if (request.unset.length > 0) throw notImplemented("unset");
  if (request.precondition !== undefined) throw notImplemented("precondition");
  if (request.observedAt !== undefined) throw notImplemented("observed_at");
  if (request.validateOnly) throw notImplemented("validate_only");
  return request;
}

function readItem(request: IdentifyRequest): IdentifyInput | UserError {
  try {
    return readIdentify(request);
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}

/** @throws UserError for what ends the stream */
function checkBatch({ requests, report }: BatchIdentifyRequest): void {
  if (requests.length > limits.maxBatchItems) {
    const description = `has ${requests.length} items; at most ${limits.maxBatchItems} are allowed`;
    throw invalidRequest([limitExceeded("requests", "maxBatchItems", description)]);
  }
  if (BatchReport[report] === undefined) {
    const description = `${report} is not a BatchReport`;
    throw invalidRequest([{ field: "report", reason: "INVALID_ENUM_VALUE", description }]);
  }
}

function batchMessage(
  { requests, report }: BatchIdentifyRequest,
  results: readonly BatchItemResult[],
  sequence: number,
): MessageInitShape<typeof BatchIdentifyResponseSchema> {
  const counts = { created: 0, updated: 0, unchanged: 0, failed: 0 };
  const listed: MessageInitShape<typeof BatchIdentifyResultSchema>[] = [];
  results.forEach((result, index) => {
    counts["error" in result ? "failed" : result.outcome]++;
    if ("error" in result)
      listed.push({ index, id: itemId(requests[index], result.error), error: itemError(result.error) });
    else if (report === BatchReport.ALL) {
      listed.push({ index, id: itemId(requests[index]), outcome: outcomes[result.outcome], etag: result.etag });
    }
  });
  return { sequence, ...counts, results: listed };
}

function itemId(request: IdentifyRequest | undefined, error?: UserError): string {
  const refused = error?.violations.some(({ reason }) => reason === "INVALID_ID") ?? false;
  return refused || request === undefined || request.id.length > limits.maxIdBytes
    ? ""
    : Buffer.from(request.id).toString("utf8").toWellFormed();
}

function itemError(error: UserError): MessageInitShape<typeof BatchIdentifyResultSchema>["error"] {
  return {
    code: codeOf(error.reason),
    reason: error.reason,
    message: error.message,
    violations: fitting(error.violations, maxItemViolationBytes),
  };
}

const outcomes: Record<IdentifyOutcome, Outcome> = {
  created: Outcome.CREATED,
  updated: Outcome.UPDATED,
  unchanged: Outcome.UNCHANGED,
};

function userMessage(user: UserView): MessageInitShape<typeof UserSchema> {
  const { id, properties, preferences, etag } = user;
  return {
    id,
    properties,
    preferences,
    etag,
    createdAt: timestamp(user.createdAt),
    updatedAt: timestamp(user.updatedAt),
  };
}

function timestamp(micros: number): MessageInitShape<typeof TimestampSchema> {
  return { seconds: BigInt(Math.floor(micros / 1_000_000)), nanos: (micros % 1_000_000) * 1_000 };
}
