/** Refuses requests with values that protobuf-es would change when it encodes them. */
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { StructSchema, TimestampSchema, ValueSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.js";
import { invalidRequest, type Reason, type Violation } from "../users/errors.ts";
import { formatPath } from "../users/field-path.ts";
import { limits } from "../users/limits.ts";
import { errorDomain, type RollcallError, rollcallErrorOf } from "./errors.ts";
import { isPlainObject } from "./plain-json.ts";
import { structViolations, withArticle } from "./struct-violations.ts";

/**
 * Refuses a request before it is sent if protobuf-es would change a value: a Date to `{}`, half a surrogate pair to a
 * replacement character. The error is INVALID_ARGUMENT and names the fields, as the server's own. In a stream, the messages
 * before the refused one have been sent.
 */
export function withRequestChecks(transport: Transport): Transport {
  return {
    async unary(method, signal, timeoutMs, header, message, contextValues) {
      checkRequest(method.input, message);
      return transport.unary(method, signal, timeoutMs, header, message, contextValues);
    },
    stream(method, signal, timeoutMs, header, input, contextValues) {
      const checked = eachChecked(input, (message) => checkRequest(method.input, message));
      return transport.stream(method, signal, timeoutMs, header, checked, contextValues);
    },
  };
}

/** Not a generator: that would return its source only after the source's next message. */
function eachChecked<Message>(
  messages: AsyncIterable<Message>,
  check: (message: Message) => void,
): AsyncIterable<Message> {
  return {
    [Symbol.asyncIterator](): AsyncIterator<Message> {
      const source = messages[Symbol.asyncIterator]();
      return {
        async next() {
          const result = await source.next();
          if (result.done !== true) check(result.value);
          return result;
        },
        ...(source.return && { return: source.return.bind(source) }),
        ...(source.throw && { throw: source.throw.bind(source) }),
      };
    },
  };
}

/** @throws RollcallError if a part of the request cannot be sent unchanged */
function checkRequest(desc: DescMessage, request: unknown): void {
  const found: Violation[] = [];
  checkMessage(found, desc, request, { path: "request", prefix: "", reason: "MALFORMED_REQUEST" });
  if (found.length > 0) throw refusal(found);
}

/** The error of a request that the client does not send. It is as the server's own. */
export function refusal(found: readonly Violation[]): RollcallError {
  const { reason, message, violations, metadata } = invalidRequest(found);
  return rollcallErrorOf(
    new ConnectError(message, Code.InvalidArgument, undefined, [
      { desc: ErrorInfoSchema, value: { reason, domain: errorDomain, metadata } },
      { desc: BadRequestSchema, value: { fieldViolations: [...violations] } },
    ]),
  );
}

/** Reasons by field; all others have MALFORMED_REQUEST. */
const reasons: Readonly<Record<string, Reason>> = {
  id: "INVALID_ID",
  ids: "INVALID_ID",
  unset: "INVALID_PROPERTY",
  only_properties: "INVALID_PROPERTY",
  precondition: "INVALID_PRECONDITION",
  etag: "INVALID_PRECONDITION",
  observed_at: "INVALID_OBSERVED_AT",
  page_token: "INVALID_PAGE_TOKEN",
  match: "INVALID_MATCH",
  property: "INVALID_MATCH",
  equals: "INVALID_MATCH",
  string_value: "INVALID_MATCH",
  starts_with: "INVALID_MATCH",
  present: "INVALID_MATCH",
  where: "INVALID_FILTER",
  updated_after: "INVALID_FILTER",
  created_after: "INVALID_FILTER",
};

/** What to send in place of something that is not such a message. */
const hints: Readonly<Record<string, string>> = {
  [ValueSchema.typeName]: ": send fromJson(ValueSchema, …), from @bufbuild/protobuf, or call findUsers()",
};

/** The place of a message in the request. */
interface Position {
  readonly path: string;
  /** The prefix of the paths of its fields. */
  readonly prefix: string;
  /** The reason if the message itself is the violation. */
  readonly reason: Reason;
}

/** @param init the input of protobuf-es, which would turn a Map, a Promise or a Date into an empty message */
function checkMessage(found: Violation[], desc: DescMessage, init: unknown, position: Position): void {
  const { path, prefix, reason } = position;
  if (!isMessageInit(init)) {
    const isTime = desc.typeName === TimestampSchema.typeName && isDate(init);
    const hint = isTime
      ? ": send timestampFromDate() of the Date, from @bufbuild/protobuf/wkt"
      : (hints[desc.typeName] ?? "");
    found.push({ field: path, reason, description: `is not ${withArticle(desc.name)}${hint}` });
    return;
  }
  checkNames(found, desc, init, prefix);
  for (const field of desc.fields) {
    if (found.length >= limits.maxViolations) return;
    const value = fieldValue(init, field);
    if (value !== undefined) checkField(found, field, value, prefix + field.name);
  }
}

/** protobuf-es would silently leave out a misspelt name. */
function checkNames(
  found: Violation[],
  desc: DescMessage,
  init: Readonly<Record<string, unknown>>,
  prefix: string,
): void {
  for (const name of Object.keys(init)) {
    if (found.length >= limits.maxViolations) return;
    if (isMember(desc, name) || name.startsWith("$") || init[name] === undefined) continue;
    const meant = desc.fields.find((field) => field.name === name || field.jsonName === name);
    const hint = meant === undefined ? "" : `: it is ${meant.localName} in TypeScript`;
    const field = formatPath("", [name]).replace(/^\./, "");
    found.push({
      field: prefix + field,
      reason: "MALFORMED_REQUEST",
      description: `is no field of ${desc.typeName}${hint}`,
    });
  }
}

/** Fields of a oneof are not members of the message. */
function isMember(desc: DescMessage, name: string): boolean {
  if (Object.hasOwn(desc.field, name)) return desc.field[name]?.oneof === undefined;
  return desc.oneofs.some(({ localName }) => localName === name);
}

function fieldValue(init: Readonly<Record<string, unknown>>, { localName, oneof }: DescField): unknown {
  if (oneof === undefined) return init[localName];
  const chosen = init[oneof.localName];
  return isRecord(chosen) && chosen["case"] === localName ? chosen["value"] : undefined;
}

function checkField(found: Violation[], field: DescField, value: unknown, path: string): void {
  // Null too: protobuf-es would leave out the whole field.
  if (field.fieldKind === "message" && field.message.typeName === StructSchema.typeName) {
    found.push(...structViolations(value, path));
    return;
  }
  // Elsewhere null means a field that is not set.
  if (value === null) return;
  const reason = reasons[field.name] ?? "MALFORMED_REQUEST";
  const invalid = (at: string, description: string) => found.push({ field: at, reason, description });
  if (field.fieldKind === "list") {
    if (!Array.isArray(value)) invalid(path, "is not an array");
    else if (field.listKind === "message") {
      for (const [index, item] of value.entries()) {
        if (found.length >= limits.maxViolations) return;
        const at = formatPath(path, [index]);
        checkMessage(found, field.message, item, { path: at, prefix: `${at}.`, reason });
      }
    } else if (field.scalar === ScalarType.STRING) {
      for (const [index, item] of value.entries()) if (!isText(item)) invalid(formatPath(path, [index]), notText(item));
    }
  } else if (field.fieldKind === "message") {
    checkMessage(found, field.message, value, { path, prefix: `${path}.`, reason });
  } else if (field.fieldKind === "enum") {
    if (!Number.isInteger(value)) invalid(path, `is not a ${field.enum.name}: send a value of that enum`);
  } else checkScalar(field.scalar, value, (description) => invalid(path, description));
}

function checkScalar(type: ScalarType | undefined, value: unknown, invalid: (description: string) => void): void {
  if (type === ScalarType.STRING && !isText(value)) invalid(notText(value));
  else if (type === ScalarType.BOOL && typeof value !== "boolean") invalid("is not true or false");
  else if (type === ScalarType.INT32 && !Number.isInteger(value)) invalid("is not a whole number");
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.isWellFormed();
}

function notText(value: unknown): string {
  return typeof value === "string" ? "is not valid Unicode" : "is not text";
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** Whether protobuf-es can make a message of a value: a plain object or a message, which may be an instance of a class. */
function isMessageInit(value: unknown): value is Readonly<Record<string, unknown>> {
  return isPlainObject(value) || (isRecord(value) && "$typeName" in value);
}

function isDate(value: unknown): boolean {
  return Object.prototype.toString.call(value) === "[object Date]";
}
