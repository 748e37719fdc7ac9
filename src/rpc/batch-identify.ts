/** Messages of BatchIdentify and IdentifyUsers: reading, checking, what they cost, and their answers. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { type BatchIdentifyResultSchema, BatchReport, UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { BatchIdentifyRequestSchema, type IdentifyRequest } from "#gen-server/rollcall/server/v1/wire_pb.js";
import { invalidRequest, limitExceeded, type UserError } from "../users/errors.ts";
import { limits } from "../users/limits.ts";
import type { ToldItem } from "./disclosure.ts";
import { codeOf, fitting } from "./errors.ts";
import { readBatchIdentifyRequest } from "./messages/read-identify.ts";
import { type Fields, type RequestReader, requestReader } from "./messages/request-reader.ts";
import { outcomes } from "./user-messages.ts";

/** Bytes of violations in one item's error: a message may have a thousand errors. */
const maxItemViolationBytes = 1_500;
/** Bytes of ignored names in one answer. */
const maxIgnoredBytes = 128 * 1024;

/** Users to identify: a message of the stream, or a whole call. */
export interface BatchMessage {
  readonly requests: readonly Fields<IdentifyRequest>[];
  readonly report: BatchReport;
}

export interface StreamedBatch extends BatchMessage {
  /** Size of the message, which its items refer to. */
  readonly messageBytes: number;
}

/** Limits of a message's lists, by name. */
export const batchLists = { requests: "maxBatchItems", unset: "maxProperties" } as const;

const reader = requestReader({
  contract: UserService.method.batchIdentify.input,
  wire: BatchIdentifyRequestSchema,
  lists: batchLists,
  readFast: readBatchIdentifyRequest,
});

export const batchReader: RequestReader<StreamedBatch> = {
  read(bytes, encoding, reserve) {
    const { requests, report } = reader.read(bytes, encoding, reserve);
    return { requests, report, messageBytes: bytes.length };
  },
};

/** @throws UserError for a message that ends the stream or fails the call */
export function checkBatch({ requests, report }: BatchMessage): void {
  if (requests.length > limits.maxBatchItems) {
    throw invalidRequest([limitExceeded("requests", "maxBatchItems", requests.length, "items")]);
  }
  if (BatchReport[report] === undefined) {
    const description = `${report} is not a BatchReport`;
    throw invalidRequest([{ field: "report", reason: "INVALID_ENUM_VALUE", description }]);
  }
}

/** The most that V8 takes for one item until its message is answered, with the largest error. */
const itemWorkBytes = 4 * 1024;
/** What V8 takes for one item of an answer, beside its texts. */
const listedBytes = 512;
/** What V8 takes for one violation beside its texts. */
const violationBytes = 128;

/** The work of one item, in bytes to decode. */
const itemTurnCost = 1024;

/** The work of a message, for its turn of the event loop. */
export function turnCost({ requests }: BatchMessage): number {
  return Math.max(1, requests.length) * itemTurnCost;
}

/** The memory that a message takes while it is worked on, beside its bytes. */
export function workBytes({ requests }: BatchMessage): number {
  return requests.length * itemWorkBytes;
}

/** The most memory that an answer takes until it is written. */
export function answerBytes({ report }: BatchMessage, results: readonly ToldItem[]): number {
  let bytes = 0;
  for (const result of results) {
    if ("error" in result) bytes += listedBytes + errorBytes(result.error);
    else if (report === BatchReport.ALL) bytes += listedBytes + namesBytes(result.ignored);
  }
  return bytes;
}

function errorBytes({ violations }: UserError): number {
  let bytes = 0;
  for (const { field, description } of violations) bytes += violationBytes + field.length + description.length;
  return Math.min(bytes, 2 * maxItemViolationBytes);
}

function namesBytes(names: readonly string[]): number {
  return names.reduce((sum, name) => sum + name.length, 0);
}

/** How many items had each outcome. */
export interface OutcomeCounts {
  created: number;
  updated: number;
  unchanged: number;
  applied: number;
  failed: number;
}

export function countOutcomes(results: readonly ToldItem[]): OutcomeCounts {
  const counts = { created: 0, updated: 0, unchanged: 0, applied: 0, failed: 0 };
  for (const result of results) counts["error" in result ? "failed" : result.outcome]++;
  return counts;
}

/** The answer to a message: of BatchIdentify's beside its place in the stream. */
export interface BatchAnswer extends OutcomeCounts {
  results: MessageInitShape<typeof BatchIdentifyResultSchema>[];
}

export function batchAnswer({ requests, report }: BatchMessage, results: readonly ToldItem[]): BatchAnswer {
  const listed: MessageInitShape<typeof BatchIdentifyResultSchema>[] = [];
  let ignoredBytes = 0;
  const fittingNames = (names: readonly string[]): string[] => {
    for (const name of names) ignoredBytes += Buffer.byteLength(name) + 3;
    return ignoredBytes > maxIgnoredBytes ? [] : [...names];
  };
  results.forEach((result, index) => {
    if ("error" in result) {
      listed.push({ index, id: itemId(requests[index], result.error), error: itemError(result.error) });
    } else if (report === BatchReport.ALL) {
      const { outcome, etag, ignored } = result;
      const ignoredProperties = fittingNames(ignored);
      listed.push({ index, id: itemId(requests[index]), outcome: outcomes[outcome], etag, ignoredProperties });
    }
  });
  return { ...countOutcomes(results), results: listed };
}

function itemId(request: { readonly id: Uint8Array } | undefined, error?: UserError): string {
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
