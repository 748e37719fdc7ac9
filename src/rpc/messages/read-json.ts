/**
 * Reads requests in JSON (https://protobuf.dev/programming-guides/json/) at a cost that their size bounds. Structs are written as
 * bytes straight from the text; protobuf-es allocates two objects for each value first, and takes fifty times as long.
 */
import { type DescMessage, fromJson, type JsonValue, type MessageShape } from "@bufbuild/protobuf";
import { invalidRequest, type Reason, UserError, type Violation } from "../../users/errors.ts";
import { formatPath, type Path } from "../../users/field-path.ts";
import { limits } from "../../users/limits.ts";
import { BackwardWriter } from "../../users/struct/backward-writer.ts";
import { type StructLimits, tags } from "../../users/struct/format.ts";
import { scanStruct } from "../../users/struct/scan.ts";
import { sortNames } from "../../users/struct/sort.ts";
import { NotJson, parseJson, type TapeBudget } from "./json-parser.ts";
import { writeJsonStruct } from "./json-struct.ts";
import { type JsonTape, tokenKinds } from "./json-tape.ts";
import { writeJsonScalar } from "./json-value.ts";
import { repeatedNames } from "./json-violations.ts";
import { type FieldForm, NameCount, overlongList, type RequestForm } from "./request-form.ts";
import { unreadable } from "./unreadable.ts";

/** The largest object that protobuf-es reads, as a precondition. */
const maxPlainBytes = 16 * 1024;

/**
 * Reads a message. A list beyond its limit is not read: it keeps its length, with empty entries.
 *
 * @throws UserError MALFORMED_REQUEST or INVALID_PROPERTY, naming the field
 */
export function readJson<Wire extends DescMessage>(
  form: RequestForm<Wire>,
  text: Buffer,
  budget: TapeBudget,
): MessageShape<Wire> {
  let tape: JsonTape;
  try {
    // For the message, which is about as large as its text.
    budget.reserve(text.length);
    tape = parseJson(text, budget);
  } catch (error) {
    if (!(error instanceof NotJson)) throw error;
    throw new UserError("MALFORMED_REQUEST", `a ${form.contract.typeName} cannot be read: ${error.message}`);
  }
  return new JsonReader(tape).message(form, 0, []);
}

/** The limit of a message; the registry applies those of a field. */
const structLimits: StructLimits = { count: undefined, bytes: "maxRequestBytes" };
/** Shared by all small messages. */
const writer = new BackwardWriter();
const nothing: Uint8Array = new Uint8Array();

/** An index is a value's place on the tape, and a path its place in the request. */
class JsonReader {
  readonly #tape: JsonTape;

  constructor(tape: JsonTape) {
    this.#tape = tape;
  }

  message<Wire extends DescMessage>(form: RequestForm<Wire>, index: number, path: Path): MessageShape<Wire> {
    const tape = this.#tape;
    if (tape.kind(index) !== tokenKinds.object) {
      if (path.length > 0) throw violation(path);
      throw new UserError("MALFORMED_REQUEST", `a ${form.contract.typeName} cannot be read`);
    }
    const values = new Map<FieldForm, number>();
    tape.forEachIn(index, (step, at) => {
      const field = form.byJsonName.get(String(step));
      if (field === undefined) throw violation([...path, step], `is no field of ${form.contract.typeName}`);
      // A field may be sent once, under either of its names.
      if (values.has(field)) throw violation([...path, field.name], "is repeated");
      values.set(field, at);
      return true;
    });
    const plain: Record<string, JsonValue> = {};
    const read: Record<string, unknown> = {};
    for (const [field, at] of values) {
      const fieldPath = [...path, field.name];
      if (field.kind === "plain") plain[field.name] = this.#plain(at, fieldPath);
      else if (tape.kind(at) !== tokenKinds.null || field.kind === "value") {
        read[field.localName] = this.#field(field, at, fieldPath);
      }
    }
    return Object.assign(readPlain(form, plain, path), read);
  }

  #field(field: Exclude<FieldForm, { kind: "plain" }>, index: number, path: Path): unknown {
    switch (field.kind) {
      case "struct":
        return [this.#struct(index, path)];
      case "value":
        return [this.#value(index, path)];
      case "message":
        return this.message(field.form, index, path);
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
    // A copy, because the text does not stay.
    if (!tape.isEscaped(index)) return new Uint8Array(tape.text.subarray(tape.start(index), tape.end(index)));
    const text = tape.string(index);
    if (!text.isWellFormed()) throw violation(path, "is not valid Unicode");
    return Buffer.from(text, "utf8");
  }

  #value(index: number, path: Path): Uint8Array {
    const tape = this.#tape;
    writer.clear();
    if (tape.kind(index) === tokenKinds.string) {
      const text = this.#text(index, path);
      writer.rangeField(tags.stringValue, text, 0, text.length);
    } else writeJsonScalar(tape, index, writer);
    return new Uint8Array(writer.written());
  }

  #struct(index: number, path: Path): Uint8Array {
    if (this.#tape.kind(index) !== tokenKinds.object) throw violation(path);
    writer.clear();
    const violations = writeJsonStruct(this.#tape, index, pathOf(path), writer);
    if (violations.length > 0) throw invalidRequest(violations);
    const struct = new Uint8Array(writer.written());
    // Names may be in any order. A Struct beyond a limit is refused later.
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

function readPlain<Wire extends DescMessage>(
  { contract, wire }: RequestForm<Wire>,
  json: Record<string, JsonValue>,
  path: Path,
): MessageShape<Wire> {
  try {
    return fromJson(wire, json, { ignoreUnknownFields: false });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const within = path.length === 0 ? "" : pathOf(path);
    const place = { within, field: Object.keys(json).find((name) => !isReadable(wire, name, json[name])) };
    throw unreadable(message.replaceAll(wire.typeName, contract.typeName), contract, place);
  }
}

function isReadable(wire: DescMessage, name: string, value: JsonValue = null): boolean {
  try {
    fromJson(wire, { [name]: value }, { ignoreUnknownFields: false });
    return true;
  } catch {
    return false;
  }
}

function violation(path: Path, description = "cannot be read from its JSON value"): UserError {
  return invalidRequest([{ field: pathOf(path), reason: "MALFORMED_REQUEST", description }]);
}

/** @param path begins with the name of a field, or an unknown name */
function pathOf([first = "", ...below]: Path): string {
  return formatPath(formatPath("", [first]).replace(/^\./, ""), below);
}
