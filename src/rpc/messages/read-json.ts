/**
 * Reads requests in JSON (https://protobuf.dev/programming-guides/json/) at a cost that their size bounds. What the contract
 * has as a Struct is written as its bytes straight from the text; protobuf-es makes two objects of each value first, and
 * takes fifty times as long.
 */
import { type DescMessage, fromJson, type JsonValue, type MessageShape } from "@bufbuild/protobuf";
import { invalidRequest, type Reason, UserError, type Violation } from "../../users/errors.ts";
import { formatPath, type Path } from "../../users/field-path.ts";
import { limits } from "../../users/limits.ts";
import { BackwardWriter } from "../../users/struct/backward-writer.ts";
import type { StructLimits } from "../../users/struct/format.ts";
import { scanStruct } from "../../users/struct/scan.ts";
import { sortNames } from "../../users/struct/sort.ts";
import { repeatedNames } from "./json-names.ts";
import { NotJson, parseJson, type TapeBudget } from "./json-parser.ts";
import { writeJsonStruct } from "./json-struct.ts";
import { type JsonTape, tokenKinds } from "./json-tape.ts";
import { type FieldForm, NameCount, overlongList, type RequestForm } from "./request-form.ts";
import { unreadable } from "./unreadable.ts";

/** No object or list that protobuf-es reads has more: a precondition, say. */
const maxPlainBytes = 16 * 1024;

/**
 * A list with more entries than it may have is not read: it has its length, and each entry is empty.
 *
 * @throws UserError MALFORMED_REQUEST or INVALID_PROPERTY, that names the field
 */
export function readJson<Wire extends DescMessage>(
  form: RequestForm<Wire>,
  text: Buffer,
  budget: TapeBudget,
): MessageShape<Wire> {
  let tape: JsonTape;
  try {
    // What is written of it has about its size.
    budget.reserve(text.length);
    tape = parseJson(text, budget);
  } catch (error) {
    if (!(error instanceof NotJson)) throw error;
    throw new UserError("MALFORMED_REQUEST", `a ${form.contract.typeName} cannot be read: ${error.message}`);
  }
  return new JsonReader(tape).message(form, 0, []);
}

/** Each property has its limit; what one field may hold is decided later. */
const structLimits: StructLimits = { count: undefined, bytes: "maxRequestBytes" };
/** Kept, so that small messages share its memory. */
const writer = new BackwardWriter();
const nothing: Uint8Array = new Uint8Array();

/** An index is that of a value on the tape, and a path where it is in the request. */
class JsonReader {
  readonly #tape: JsonTape;

  constructor(tape: JsonTape) {
    this.#tape = tape;
  }

  message<Wire extends DescMessage>(form: RequestForm<Wire>, index: number, path: Path): MessageShape<Wire> {
    const tape = this.#tape;
    if (tape.kind(index) !== tokenKinds.object) throw misfit(form, path);
    const values = new Map<FieldForm, number>();
    const end = tape.after(index) - 1;
    for (let at = index + 1; at < end; at = tape.after(at + 1)) {
      const field = form.byJsonName.get(tape.string(at));
      if (field === undefined) throw unknownField(form, [...path, tape.string(at)]);
      // Under either of its names: protobuf's JSON has a field once.
      if (values.has(field)) throw violation([...path, field.name], "is repeated");
      values.set(field, at + 1);
    }
    const plain: Record<string, JsonValue> = {};
    const read: Record<string, unknown> = {};
    for (const [field, at] of values) {
      const fieldPath = [...path, field.name];
      if (field.kind === "plain") plain[field.name] = this.#plain(at, fieldPath);
      else if (tape.kind(at) !== tokenKinds.null) read[field.localName] = this.#field(field, at, fieldPath);
    }
    return Object.assign(readPlain(form, plain), read);
  }

  #field(field: Exclude<FieldForm, { kind: "plain" }>, index: number, path: Path): unknown {
    switch (field.kind) {
      case "struct":
        return [this.#struct(index, path)];
      case "text":
        return this.#text(index, path);
      case "texts":
        return this.#list(index, path, field.max, (at, entryPath) => this.#text(at, entryPath), nothing);
      case "messages":
        return this.#messages(field, index, path);
    }
  }

  #messages(field: FieldForm & { readonly kind: "messages" }, index: number, path: Path): unknown[] {
    const names = new NameCount(field);
    const read = (at: number, entryPath: Path) => {
      const message = this.message(field.form, at, entryPath);
      names.add(message);
      return message;
    };
    return this.#list(index, path, field.max, read, undefined);
  }

  #list<Entry>(
    index: number,
    path: Path,
    max: number,
    read: (index: number, path: Path) => Entry,
    unread: Entry | undefined,
  ): unknown[] {
    const tape = this.#tape;
    if (tape.kind(index) !== tokenKinds.list) throw violation(path);
    const end = tape.after(index) - 1;
    const entries: Entry[] = [];
    let count = 0;
    for (let at = index + 1; at < end; at = tape.after(at)) {
      if (count < max) entries.push(read(at, [...path, count]));
      count++;
    }
    return count > max ? overlongList(count, unread) : entries;
  }

  #text(index: number, path: Path): Uint8Array {
    const tape = this.#tape;
    if (tape.kind(index) !== tokenKinds.string) throw violation(path);
    // Copied: the text goes, and what was read of it stays.
    if (!tape.isEscaped(index)) return new Uint8Array(tape.text.subarray(tape.start(index), tape.end(index)));
    const text = tape.string(index);
    if (!text.isWellFormed()) throw violation(path, "is not valid Unicode");
    return Buffer.from(text, "utf8");
  }

  #struct(index: number, path: Path): Uint8Array {
    if (this.#tape.kind(index) !== tokenKinds.object) throw violation(path);
    writer.clear();
    const violations = writeJsonStruct(this.#tape, index, pathOf(path), writer);
    if (violations.length > 0) throw invalidRequest(violations);
    const struct = new Uint8Array(writer.written());
    // In any order, and not looked at where it breaks a limit: then it is refused later.
    if (scanStruct(struct, structLimits) !== "unsorted") return struct;
    const sorted = sortNames(struct);
    if (sorted !== undefined) return sorted;
    throw invalidRequest(this.#repeated(index, path, "INVALID_PROPERTY"));
  }

  #repeated(index: number, path: Path, reason: Reason): readonly Violation[] {
    const names = repeatedNames(this.#tape, index, limits.maxViolations);
    return names.map((below) => ({ field: pathOf([...path, ...below]), reason, description: "is repeated" }));
  }

  #plain(index: number, path: Path): JsonValue {
    const tape = this.#tape;
    if (tape.kind(index) === tokenKinds.string) return tape.string(index);
    const [start, end] = [tape.start(index), tape.end(index)];
    if (end - start > maxPlainBytes) throw violation(path);
    const repeated = this.#repeated(index, path, "MALFORMED_REQUEST");
    if (repeated.length > 0) throw invalidRequest(repeated);
    return JSON.parse(tape.text.toString("utf8", start, end));
  }
}

function readPlain<Wire extends DescMessage>({ contract, wire }: RequestForm<Wire>, json: Record<string, JsonValue>) {
  try {
    return fromJson(wire, json, { ignoreUnknownFields: false });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw unreadable(message.replaceAll(wire.typeName, contract.typeName), contract);
  }
}

/** For what is no object. */
function misfit({ contract }: RequestForm, path: Path): UserError {
  return path.length > 0
    ? violation(path)
    : new UserError("MALFORMED_REQUEST", `a ${contract.typeName} cannot be read`);
}

function unknownField({ contract }: RequestForm, path: Path): UserError {
  return violation(path, `is no field of ${contract.typeName}`);
}

function violation(path: Path, description = "cannot be read from its JSON value"): UserError {
  return invalidRequest([{ field: pathOf(path), reason: "MALFORMED_REQUEST", description }]);
}

/** @param path begins with a field's name, or with what was sent for one */
function pathOf([first = "", ...below]: Path): string {
  return formatPath(formatPath("", [first]).replace(/^\./, ""), below);
}
