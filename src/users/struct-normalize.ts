/**
 * Brings any encoding of a Struct to canonical form, by protobuf's rules for decoding: the last entry of a name and the
 * last kind of a value win, a message sent in pieces is merged, unknown fields are dropped.
 */
import { isUtf8 } from "node:buffer";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { limitExceeded, type Violation } from "./errors.ts";
import { formatPath, type Path } from "./field-path.ts";
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

/** Writes canonical bytes, and collects what the contract does not allow. */
class Encoder {
  readonly violations: Violation[] = [];
  readonly #field: string;

  constructor(field: string) {
    this.#field = field;
  }

  whole(entries: Entries, { count, bytes }: StructLimits): Uint8Array {
    if (count !== undefined && entries.size > limits[count]) {
      this.#exceeds([], count, entries.size, "properties");
    }
    const writer = new BinaryWriter();
    for (const name of [...entries.keys()].sort()) {
      const path = [name];
      if (name.length === 0) this.#invalid(path, "a property's name cannot be empty");
      if (name.length > limits.maxPropertyNameBytes) {
        this.#exceeds(path, "maxPropertyNameBytes", name.length, "bytes", "the name has");
      }
      const value = this.#value(entries.get(name) ?? { kind: "none" }, path);
      if (value.length > limits.maxValueBytes) this.#exceeds(path, "maxValueBytes", value.length, "bytes");
      this.#entry(writer, name, value, path);
    }
    const encoded = writer.finish();
    if (encoded.length > limits[bytes]) this.#exceeds([], bytes, encoded.length, "bytes");
    return encoded;
  }

  #struct(entries: Entries, path: Path): Uint8Array {
    const writer = new BinaryWriter();
    for (const name of [...entries.keys()].sort()) {
      const entryPath = [...path, name];
      this.#entry(writer, name, this.#value(entries.get(name) ?? { kind: "none" }, entryPath), entryPath);
    }
    return writer.finish();
  }

  #entry(writer: BinaryWriter, name: string, value: Uint8Array, path: Path): void {
    const nameBytes = Buffer.from(name, "latin1");
    if (!isUtf8(nameBytes)) this.#invalid(path, "the name is not valid UTF-8");
    writer.uint32(tags.structEntry).fork();
    writer.uint32(tags.entryName).bytes(nameBytes).uint32(tags.entryValue).bytes(value);
    writer.join();
  }

  #value(value: Value, path: Path): Uint8Array {
    const writer = new BinaryWriter();
    switch (value.kind) {
      case "none":
        this.#invalid(path, "has no kind: it is an empty google.protobuf.Value");
        break;
      case "tooDeep": {
        const description = `is nested deeper than ${limits.maxValueDepth} objects or lists`;
        this.#add({ field: this.#path(path), reason: "LIMIT_EXCEEDED", description, limit: "maxValueDepth" });
        break;
      }
      case "null":
        writer.uint32(tags.nullValue).int32(0);
        break;
      case "bool":
        writer.uint32(tags.boolValue).bool(value.value);
        break;
      case "number":
        if (!isFiniteDouble(value.bytes, 0)) this.#invalid(path, "is not a finite number");
        writer.uint32(tags.numberValue).raw(value.bytes);
        break;
      case "string":
        if (!isUtf8(value.bytes)) this.#invalid(path, "is not valid UTF-8");
        writer.uint32(tags.stringValue).bytes(value.bytes);
        break;
      case "struct":
        writer.uint32(tags.structValue).bytes(this.#struct(value.entries, path));
        break;
      case "list": {
        const items = new BinaryWriter();
        value.items.forEach((item, index) => {
          items.uint32(tags.listItem).bytes(this.#value(item, [...path, index]));
        });
        writer.uint32(tags.listValue).bytes(items.finish());
        break;
      }
    }
    return writer.finish();
  }

  #invalid(path: Path, description: string): void {
    this.#add({ field: this.#path(path), reason: "INVALID_PROPERTY", description });
  }

  #exceeds(path: Path, limit: LimitName, actual: number, unit: string, subject?: string): void {
    this.#add(limitExceeded(this.#path(path), limit, actual, unit, subject));
  }

  #path(path: Path): string {
    const steps = path.map((step) => (typeof step === "number" ? step : Buffer.from(step, "latin1").toString("utf8")));
    return formatPath(this.#field, steps);
  }

  #add(violation: Violation): void {
    if (this.violations.length < limits.maxViolations) this.violations.push(violation);
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}
