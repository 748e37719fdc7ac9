/** Refuses requests whose fields would reach the server as something else than they are. */
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { StructSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.js";
import { invalidRequest, type Reason, type Violation } from "../users/errors.ts";
import { formatPath } from "../users/field-path.ts";
import { limits } from "../users/limits.ts";
import { errorDomain, type RollcallError, rollcallErrorOf } from "./errors.ts";
import { isPlainObject } from "./plain-json.ts";
import { structViolations, withArticle } from "./struct-violations.ts";

/**
 * Fails a call before anything of its request is sent, where protobuf-es would send a part of it as something else: a Date
 * as `{}`, half a surrogate pair as a replacement character. The error is INVALID_ARGUMENT, as the server's own, and names
 * the fields. In a stream, the messages before the refused one have been sent.
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

/** Not a generator: it would tell its source that nobody reads on only after the source's next message. */
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

/** @throws RollcallError if a part of the request cannot be sent as it is */
function checkRequest(desc: DescMessage, request: unknown): void {
  const found: Violation[] = [];
  checkMessage(found, desc, request, { path: "request", prefix: "", reason: "MALFORMED_REQUEST" });
  if (found.length > 0) throw refusal(found);
}

function refusal(found: readonly Violation[]): RollcallError {
  const { reason, message, violations, metadata } = invalidRequest(found);
  const fieldViolations = violations.map(({ field, reason, description }) => ({ field, reason, description }));
  return rollcallErrorOf(
    new ConnectError(message, Code.InvalidArgument, undefined, [
      { desc: ErrorInfoSchema, value: { reason, domain: errorDomain, metadata } },
      { desc: BadRequestSchema, value: { fieldViolations } },
    ]),
  );
}

/** Fields that are not named have MALFORMED_REQUEST. */
const reasons: Readonly<Record<string, Reason>> = {
  id: "INVALID_ID",
  ids: "INVALID_ID",
  unset: "INVALID_PROPERTY",
  only_properties: "INVALID_PROPERTY",
  precondition: "INVALID_PRECONDITION",
  etag: "INVALID_PRECONDITION",
  observed_at: "INVALID_OBSERVED_AT",
  page_token: "INVALID_PAGE_TOKEN",
};

/** Where a message stands in the request. */
interface Position {
  readonly path: string;
  /** What comes before the paths of its fields. */
  readonly prefix: string;
  /** Of a violation that is the message itself. */
  readonly reason: Reason;
}

/** @param init what protobuf-es makes the message of; of a Map, a Promise or a Date it would make an empty message */
function checkMessage(found: Violation[], desc: DescMessage, init: unknown, position: Position): void {
  const { path, prefix, reason } = position;
  if (!isMessageInit(init)) {
    const isTime = desc.typeName === TimestampSchema.typeName && isDate(init);
    const hint = isTime ? ": send timestampFromDate() of the Date, from @bufbuild/protobuf/wkt" : "";
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

/** A misspelt name would be left out, and nobody told. */
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

/** Fields of a oneof are no members of their own. */
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
  // Null too: properties that were meant would be left out.
  if (field.fieldKind === "message" && field.message.typeName === StructSchema.typeName) {
    found.push(...structViolations(value, path));
    return;
  }
  // Elsewhere protobuf-es takes null for a field that is not set.
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
    if (!Number.isInteger(value)) invalid(path, `is not a ${field.enum.name}: send its number, as the enum has it`);
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

/** Whether a message can be made of a value: a plain object, or a message, which may be an instance of a class. */
function isMessageInit(value: unknown): value is Readonly<Record<string, unknown>> {
  return isPlainObject(value) || (isRecord(value) && "$typeName" in value);
}

function isDate(value: unknown): boolean {
  return Object.prototype.toString.call(value) === "[object Date]";
}
