/**
 * Brings any encoding of a Struct to canonical form, by protobuf's rules for decoding: the last entry of a name and the
 * last kind of a value win, a message sent in pieces is merged, unknown fields are dropped.
 */
import { isUtf8 } from "node:buffer";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { limitExceeded, type Violation } from "./errors.ts";
import { formatPath } from "./field-path.ts";
import { type LimitName, limits } from "./limits.ts";
import { isFiniteDouble, type StructLimits, tags } from "./struct-format.ts";

/** A decoded value. Names and text stay bytes, as latin1 strings where they are keys: those sort as the bytes do. */
type Value =
  | { kind: "none" | "null" | "tooDeep" }
  | { kind: "bool"; value: boolean }
  | { kind: "number" | "string"; bytes: Uint8Array }
  | { kind: "struct"; entries: Entries }
  | { kind: "list"; items: Value[] };

type Entries = Map<string, Value>;

/**
 * @param bytes any encoding of a Struct
 * @param field the request's field that holds it, with which violations' paths begin
 * @returns the canonical bytes and no violations, or what is wrong with the Struct
 */
export function normalizeStruct(
  bytes: Uint8Array,
  field: string,
  structLimits: StructLimits,
): { bytes: Uint8Array; violations: readonly Violation[] } {
  let entries: Entries;
  try {
    entries = decodeStruct(bytes, 0, new Map());
  } catch {
    const violation = { field, reason: "MALFORMED_REQUEST", description: "is not a google.protobuf.Struct" } as const;
    return { bytes: new Uint8Array(), violations: [violation] };
  }
  const encoder = new Encoder(field);
  const encoded = encoder.whole(entries, structLimits);
  return { bytes: encoded, violations: encoder.violations };
}

function decodeStruct(bytes: Uint8Array, depth: number, into: Entries): Entries {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number === 1 && wireType === WireType.LengthDelimited) decodeEntry(reader.bytes(), depth, into);
    else reader.skip(wireType, number);
  }
  assertWithin(reader);
  return into;
}

function decodeEntry(bytes: Uint8Array, depth: number, into: Entries): void {
  const reader = new BinaryReader(bytes);
  let name = "";
  let value: Value = { kind: "none" };
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number === 1 && wireType === WireType.LengthDelimited) name = latin1(reader.bytes());
    else if (number === 2 && wireType === WireType.LengthDelimited) value = decodeValue(reader.bytes(), depth, value);
    else reader.skip(wireType, number);
  }
  assertWithin(reader);
  into.set(name, value);
}

/** @param value what earlier pieces of the same value held */
function decodeValue(bytes: Uint8Array, depth: number, value: Value): Value {
  const reader = new BinaryReader(bytes);
  let result = value;
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    switch ((number << 3) | wireType) {
      case tags.nullValue:
        reader.int32();
        result = { kind: "null" };
        break;
      case tags.numberValue: {
        const start = reader.pos;
        reader.double();
        result = { kind: "number", bytes: bytes.subarray(start, start + 8) };
        break;
      }
      case tags.stringValue:
        result = { kind: "string", bytes: reader.bytes() };
        break;
      case tags.boolValue:
        result = { kind: "bool", value: reader.bool() };
        break;
      case tags.structValue: {
        const content = reader.bytes();
        if (depth >= limits.maxValueDepth) result = { kind: "tooDeep" };
        else {
          const entries = result.kind === "struct" ? result.entries : new Map();
          result = { kind: "struct", entries: decodeStruct(content, depth + 1, entries) };
        }
        break;
      }
      case tags.listValue: {
        const content = reader.bytes();
        if (depth >= limits.maxValueDepth) result = { kind: "tooDeep" };
        else {
          const items = result.kind === "list" ? result.items : [];
          result = { kind: "list", items: decodeList(content, depth + 1, items) };
        }
        break;
      }
      default:
        reader.skip(wireType, number);
    }
  }
  assertWithin(reader);
  return result;
}

function decodeList(bytes: Uint8Array, depth: number, into: Value[]): Value[] {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number === 1 && wireType === WireType.LengthDelimited) {
      into.push(decodeValue(reader.bytes(), depth, { kind: "none" }));
    } else reader.skip(wireType, number);
  }
  assertWithin(reader);
  return into;
}

/** A length that leads beyond the end shows only here. */
function assertWithin(reader: BinaryReader): void {
  if (reader.pos > reader.len) throw new RangeError("premature end");
}

/**
 * Writes canonical bytes, and collects what the contract does not allow: as much of it as an error names, and what comes
 * after is not looked at.
 */
class Encoder {
  readonly violations: Violation[] = [];
  readonly #field: string;
  /** Where in the Struct it is. */
  readonly #path: (string | number)[] = [];

  constructor(field: string) {
    this.#field = field;
  }

  whole(entries: Entries, { count, bytes }: StructLimits): Uint8Array {
    if (count !== undefined && entries.size > limits[count]) this.#exceeds(count, entries.size, "properties");
    const writer = new BinaryWriter();
    const valueWriter = new BinaryWriter();
    this.#entries(writer, entries, (name, value) => {
      if (name.length === 0) this.#invalid("a property's name cannot be empty");
      if (name.length > limits.maxPropertyNameBytes) {
        this.#exceeds("maxPropertyNameBytes", name.length, "bytes", "the name has");
      }
      this.#value(valueWriter, value);
      const encoded = valueWriter.finish();
      if (encoded.length > limits.maxValueBytes) this.#exceeds("maxValueBytes", encoded.length, "bytes");
      writer.bytes(encoded);
    });
    const encoded = writer.finish();
    if (encoded.length > limits[bytes]) this.#exceeds(bytes, encoded.length, "bytes");
    return encoded;
  }

  get #full(): boolean {
    return this.violations.length >= limits.maxViolations;
  }

  /** @param writeValue writes a value's length and content */
  #entries(writer: BinaryWriter, entries: Entries, writeValue: (name: string, value: Value) => void): void {
    for (const name of [...entries.keys()].sort()) {
      if (this.#full) return;
      this.#path.push(name);
      const nameBytes = Buffer.from(name, "latin1");
      writer.uint32(tags.structEntry).fork();
      writer.uint32(tags.entryName).bytes(nameBytes).uint32(tags.entryValue);
      writeValue(name, entries.get(name) ?? { kind: "none" });
      writer.join();
      if (!isUtf8(nameBytes)) this.#invalid("the name is not valid UTF-8");
      this.#path.pop();
    }
  }

  #items(writer: BinaryWriter, items: readonly Value[]): void {
    for (const [index, item] of items.entries()) {
      if (this.#full) return;
      this.#path.push(index);
      writer.uint32(tags.listItem).fork();
      this.#value(writer, item);
      writer.join();
      this.#path.pop();
    }
  }

  #value(writer: BinaryWriter, value: Value): void {
    switch (value.kind) {
      case "none":
        this.#invalid("has no kind: it is an empty google.protobuf.Value");
        break;
      case "tooDeep": {
        const description = `is nested deeper than ${limits.maxValueDepth} objects or lists`;
        this.#add((field) => ({ field, reason: "LIMIT_EXCEEDED", description, limit: "maxValueDepth" }));
        break;
      }
      case "null":
        writer.uint32(tags.nullValue).int32(0);
        break;
      case "bool":
        writer.uint32(tags.boolValue).bool(value.value);
        break;
      case "number":
        if (!isFiniteDouble(value.bytes, 0)) this.#invalid("is not a finite number");
        writer.uint32(tags.numberValue).raw(value.bytes);
        break;
      case "string":
        if (!isUtf8(value.bytes)) this.#invalid("is not valid UTF-8");
        writer.uint32(tags.stringValue).bytes(value.bytes);
        break;
      case "struct":
        writer.uint32(tags.structValue).fork();
        this.#entries(writer, value.entries, (_, inner) => {
          writer.fork();
          this.#value(writer, inner);
          writer.join();
        });
        writer.join();
        break;
      case "list":
        writer.uint32(tags.listValue).fork();
        this.#items(writer, value.items);
        writer.join();
        break;
    }
  }

  #invalid(description: string): void {
    this.#add((field) => ({ field, reason: "INVALID_PROPERTY", description }));
  }

  #exceeds(limit: LimitName, actual: number, unit: string, subject?: string): void {
    this.#add((field) => limitExceeded(field, limit, actual, unit, subject));
  }

  /** @param violation made of the path that it is at */
  #add(violation: (field: string) => Violation): void {
    if (this.#full) return;
    const steps = this.#path.map((step) =>
      typeof step === "number" ? step : Buffer.from(step, "latin1").toString("utf8"),
    );
    this.violations.push(violation(formatPath(this.#field, steps)));
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}
