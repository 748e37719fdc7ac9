/** Encodes items of an import as IdentifyRequests, and explains why one cannot be sent. */
import { create, type JsonObject, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { PreconditionSchema } from "#gen/rollcall/v1/user_pb.js";
import { type IdentifyError, IdentifyErrorSchema, IdentifyRequestSchema } from "#gen/rollcall/v1/user_service_pb.js";
import { invalidRequest, limitExceeded, type Violation } from "../users/errors.ts";
import { formatPath } from "../users/field-path.ts";
import { type LimitName, limits } from "../users/limits.ts";
import { invalidObservedAt } from "../users/observed-at.ts";
import { BackwardWriter } from "../users/struct/backward-writer.ts";
import { isPlainObject } from "./plain-json.ts";
import { structViolations } from "./struct-violations.ts";
import { writeStruct } from "./write-struct.ts";

/** One user to import: the fields of an IdentifyRequest, where they are documented. */
export interface UserToImport {
  readonly id: string;
  readonly properties?: JsonObject | undefined;
  readonly setOnce?: JsonObject | undefined;
  readonly unset?: readonly string[] | undefined;
  readonly precondition?: MessageInitShape<typeof PreconditionSchema> | undefined;
  readonly observedAt?: Date | Timestamp | undefined;
}

/** The most bytes of an item, which leave room for the rest of its message. */
export const maxItemBytes = limits.maxRequestBytes - 64;

const lengthDelimited = 2;
const { id, properties, setOnce, unset, precondition, observedAt, validateOnly } = IdentifyRequestSchema.field;
const tagOf = ({ number }: { readonly number: number }) => (number << 3) | lengthDelimited;
const tags = {
  id: tagOf(id),
  properties: tagOf(properties),
  setOnce: tagOf(setOnce),
  unset: tagOf(unset),
  precondition: tagOf(precondition),
  observedAt: tagOf(observedAt),
  validateOnly: validateOnly.number << 3,
} as const;

/**
 * Writes an IdentifyRequest, without tag and length.
 *
 * @returns false if the item cannot be sent; refusalOf explains why. Some of it may have been written
 */
export function writeIdentify(writer: BackwardWriter, user: UserToImport, isValidateOnly: boolean): boolean {
  const start = writer.length;
  if (isValidateOnly) {
    writer.byte(1);
    writer.byte(tags.validateOnly);
  }
  if (user.observedAt !== undefined) {
    const time = encodeTime(user.observedAt);
    if (time === undefined) return false;
    writeBytes(writer, tags.observedAt, time);
  }
  if (user.precondition !== undefined) {
    const encoded = encodePrecondition(user.precondition);
    if (encoded === undefined) return false;
    writeBytes(writer, tags.precondition, encoded);
  }
  const names = user.unset ?? [];
  for (let at = names.length - 1; at >= 0; at--) {
    const name = names[at];
    if (typeof name !== "string" || !writer.textField(tags.unset, name)) return false;
  }
  if (!writeStructField(writer, tags.setOnce, user.setOnce)) return false;
  if (!writeStructField(writer, tags.properties, user.properties)) return false;
  if (typeof user.id !== "string" || !writer.textField(tags.id, user.id)) return false;
  return writer.length - start <= maxItemBytes;
}

function writeStructField(writer: BackwardWriter, tag: number, struct: JsonObject | undefined): boolean {
  if (struct === undefined) return true;
  const before = writer.length;
  if (!isPlainObject(struct) || !writeStruct(writer, struct)) return false;
  writer.head(tag, before);
  return true;
}

function writeBytes(writer: BackwardWriter, tag: number, content: Uint8Array): void {
  const before = writer.length;
  writer.bytes(content);
  writer.head(tag, before);
}

function encodeTime(time: Date | Timestamp): Uint8Array | undefined {
  try {
    return toBinary(TimestampSchema, time instanceof Date ? timestampFromMs(time.getTime()) : time);
  } catch {
    return undefined;
  }
}

function encodePrecondition(init: MessageInitShape<typeof PreconditionSchema>): Uint8Array | undefined {
  try {
    return toBinary(PreconditionSchema, create(PreconditionSchema, init));
  } catch {
    return undefined;
  }
}

/** Why an item cannot be sent, in the form of the server's refusals. */
export function refusalOf(user: UserToImport): IdentifyError {
  const unsendable = violationsOf(user);
  // If every part can be sent, the item is too large.
  const { reason, message, violations } = invalidRequest(unsendable.length > 0 ? unsendable : excessOf(user));
  return create(IdentifyErrorSchema, {
    code: Code.InvalidArgument,
    reason,
    message,
    violations: [...violations],
  });
}

function violationsOf(user: UserToImport): Violation[] {
  const violations: Violation[] = [];
  const add = (field: string, reason: Violation["reason"], description: string) =>
    violations.push({ field, reason, description });
  if (typeof user.id !== "string") add("id", "INVALID_ID", "is not text");
  else if (!user.id.isWellFormed()) add("id", "INVALID_ID", "is not valid Unicode");
  if (user.properties !== undefined) violations.push(...structViolations(user.properties, "properties"));
  if (user.setOnce !== undefined) violations.push(...structViolations(user.setOnce, "set_once"));
  for (const [index, name] of (user.unset ?? []).entries()) {
    const isName = typeof name === "string" && name.isWellFormed();
    if (!isName) add(formatPath("unset", [index]), "INVALID_PROPERTY", "the name is not valid Unicode");
  }
  if (user.precondition !== undefined && encodePrecondition(user.precondition) === undefined) {
    add("precondition", "INVALID_PRECONDITION", "is not a Precondition");
  }
  if (user.observedAt !== undefined && encodeTime(user.observedAt) === undefined) {
    violations.push(invalidObservedAt("is not a valid Timestamp"));
  }
  return violations;
}

/** What is too large in an item that fits into no message. */
function excessOf(user: UserToImport): Violation[] {
  const exceeding: Violation[] = [];
  const check = (field: string, limit: LimitName, actual: number, unit: string) => {
    if (actual > limits[limit]) exceeding.push(limitExceeded(field, limit, actual, unit));
  };
  check("id", "maxIdBytes", Buffer.byteLength(user.id), "bytes");
  check("properties", "maxPropertiesBytes", structBytes(user.properties), "bytes");
  check("set_once", "maxPropertiesBytes", structBytes(user.setOnce), "bytes");
  const names = user.unset ?? [];
  check("unset", "maxProperties", names.length, "names");
  for (const [index, name] of names.entries()) {
    check(formatPath("unset", [index]), "maxPropertyNameBytes", Buffer.byteLength(name), "bytes");
  }
  if (exceeding.length === 0) check("precondition", "maxEtagBytes", maxItemBytes, "bytes");
  return exceeding;
}

function structBytes(struct: JsonObject = {}): number {
  const writer = new BackwardWriter();
  writeStruct(writer, struct);
  return writer.length;
}
