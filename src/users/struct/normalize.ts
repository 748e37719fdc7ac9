/** Brings any encoding of a Struct to canonical form, and finds the path of each violation. */
import { isUtf8 } from "node:buffer";
import { limitExceeded, nestedTooDeep, type Violation } from "../errors.ts";
import { formatPath } from "../field-path.ts";
import { type LimitName, limits } from "../limits.ts";
import { Invalid, type Parsed } from "../parsed.ts";
import { BackwardWriter } from "./backward-writer.ts";
import { type DecodeBudget, type DecodedEntries, type DecodedValue, decodeStruct, TooManyValues } from "./decode.ts";
import { isFiniteDouble, type StructLimits, tags } from "./format.ts";

/** The smallest value in canonical form: an item's tag and length, a kind and its content. */
const minValueBytes = 4;
/** The smallest entry: its tag and length, a name of one letter, and a value. */
const minEntryBytes = 9;

/**
 * @param bytes any encoding of a Struct
 * @param field the request's field that holds it: the first part of violations' paths
 * @param budget for the values of all Structs of the request
 */
export function normalizeStruct(
  bytes: Uint8Array,
  field: string,
  structLimits: StructLimits,
  budget: DecodeBudget,
): Parsed<Uint8Array> {
  // An object or a list counts twice: for itself, and as the value that contains it.
  const maxValues = (2 * limits[structLimits.bytes]) / minValueBytes;
  const maxEntries = Math.floor(limits[structLimits.bytes] / minEntryBytes);
  let entries: DecodedEntries;
  try {
    entries = decodeStruct(bytes, { maxEntries, maxValues, budget });
  } catch (error) {
    return new Invalid(error instanceof TooManyValues ? tooMany(field, structLimits) : noStruct(field));
  }
  const checker = new Checker(field);
  const sorted = checker.whole(entries, structLimits);
  return checker.violations.length > 0 ? new Invalid(...checker.violations) : encode(sorted);
}

function noStruct(field: string): Violation {
  return { field, reason: "MALFORMED_REQUEST", description: "is not a google.protobuf.Struct" };
}

function tooMany(field: string, { bytes: limit }: StructLimits): Violation {
  const description = `has more values than fit into the ${limits[limit]} bytes that are allowed`;
  return { field, reason: "LIMIT_EXCEEDED", description, limit };
}

/**
 * Collects violations, and stops once there are as many as an error names. Sorts the names at every depth.
 */
class Checker {
  readonly violations: Violation[] = [];
  readonly #field: string;
  /** The current position in the Struct. */
  readonly #path: (string | number)[] = [];

  constructor(field: string) {
    this.#field = field;
  }

  whole(entries: DecodedEntries, { count, bytes }: StructLimits): DecodedEntries {
    if (count !== undefined && entries.size > limits[count]) this.#exceeds(count, entries.size, "properties");
    const sorted = inOrder(entries);
    const size = this.#entries(sorted, (name, value) => {
      if (name.length === 0) this.#invalid("a property's name cannot be empty");
      if (name.length > limits.maxPropertyNameBytes) {
        this.#exceeds("maxPropertyNameBytes", name.length, "bytes", "the name has");
      }
      const valueSize = this.#value(value);
      if (valueSize > limits.maxValueBytes) this.#exceeds("maxValueBytes", valueSize, "bytes");
      return valueSize;
    });
    if (size > limits[bytes]) this.#exceeds(bytes, size, "bytes");
    return sorted;
  }

  get #full(): boolean {
    return this.violations.length >= limits.maxViolations;
  }

  /**
   * @param check checks a value, and returns its encoded size
   * @returns the encoded size of all entries
   */
  #entries(entries: DecodedEntries, check: (name: string, value: DecodedValue) => number): number {
    let size = 0;
    for (const [name, value] of entries) {
      if (this.#full) break;
      this.#path.push(name);
      size += fieldSize(fieldSize(name.length) + fieldSize(check(name, value)));
      if (!isUtf8(Buffer.from(name, "latin1"))) this.#invalid("the name is not valid UTF-8");
      this.#path.pop();
    }
    return size;
  }

  #items(items: readonly DecodedValue[]): number {
    let size = 0;
    for (const [index, item] of items.entries()) {
      if (this.#full) break;
      this.#path.push(index);
      size += fieldSize(this.#value(item));
      this.#path.pop();
    }
    return size;
  }

  /** @returns its encoded size */
  #value(value: DecodedValue): number {
    switch (value.kind) {
      case "none":
        this.#invalid("has no kind: it is an empty google.protobuf.Value");
        return 0;
      case "tooDeep":
        this.#add(nestedTooDeep);
        return 0;
      case "null":
      case "bool":
        return 2;
      case "number":
        if (!isFiniteDouble(value.bytes, 0)) this.#invalid("is not a finite number");
        return 9;
      case "string":
        if (!isUtf8(value.bytes)) this.#invalid("is not valid UTF-8");
        return fieldSize(value.bytes.length);
      case "struct":
        value.entries = inOrder(value.entries);
        return fieldSize(this.#entries(value.entries, (_, inner) => this.#value(inner)));
      case "list":
        return fieldSize(this.#items(value.items));
    }
  }

  #invalid(description: string): void {
    this.#add((field) => ({ field, reason: "INVALID_PROPERTY", description }));
  }

  #exceeds(limit: LimitName, actual: number, unit: string, subject?: string): void {
    this.#add((field) => limitExceeded(field, limit, actual, unit, subject));
  }

  /** @param violation makes the violation for the current path */
  #add(violation: (field: string) => Violation): void {
    if (this.#full) return;
    const steps = this.#path.map((step) =>
      typeof step === "number" ? step : Buffer.from(step, "latin1").toString("utf8"),
    );
    this.violations.push(violation(formatPath(this.#field, steps)));
  }
}

/** Sorted by the names' bytes. */
function inOrder(entries: DecodedEntries): DecodedEntries {
  let previous = "";
  for (const name of entries.keys()) {
    if (name < previous) return new Map([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
    previous = name;
  }
  return entries;
}

/** The size of a length-delimited field with a tag of one byte. */
function fieldSize(length: number): number {
  let size = 2 + length;
  for (let rest = length; rest >= 0x80; rest >>>= 7) size++;
  return size;
}

/** Reused, to save allocations. */
const writer = new BackwardWriter();

/** @param entries sorted, at every depth */
function encode(entries: DecodedEntries): Uint8Array {
  writer.clear();
  writeEntries(entries);
  return new Uint8Array(writer.written());
}

function writeEntries(entries: DecodedEntries): void {
  for (const [name, value] of [...entries].reverse()) {
    const before = writer.length;
    writeValue(value);
    writer.head(tags.entryValue, before);
    const beforeName = writer.length;
    writer.bytes(Buffer.from(name, "latin1"));
    writer.head(tags.entryName, beforeName);
    writer.head(tags.structEntry, before);
  }
}

function writeValue(value: DecodedValue): void {
  const before = writer.length;
  switch (value.kind) {
    case "null":
      writer.byte(0);
      writer.byte(tags.nullValue);
      break;
    case "bool":
      writer.byte(value.value ? 1 : 0);
      writer.byte(tags.boolValue);
      break;
    case "number":
      writer.bytes(value.bytes);
      writer.byte(tags.numberValue);
      break;
    case "string":
      writer.bytes(value.bytes);
      writer.head(tags.stringValue, before);
      break;
    case "struct":
      writeEntries(value.entries);
      writer.head(tags.structValue, before);
      break;
    case "list":
      for (const item of value.items.toReversed()) {
        const beforeItem = writer.length;
        writeValue(item);
        writer.head(tags.listItem, beforeItem);
      }
      writer.head(tags.listValue, before);
      break;
    default:
      throw new Error("a value without a kind cannot be encoded");
  }
}
