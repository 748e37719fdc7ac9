/**
 * Reads requests in protobuf's binary encoding at a cost that their size bounds. protobuf-es allocates an object for each
 * repetition of a field, entry of a list and unknown field: four million bytes of those take a hundred times as much memory.
 */
import {
  create,
  type DescField,
  type DescMessage,
  fromBinary,
  type MessageShape,
  ScalarType,
} from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { FieldCursor, wireTypes } from "../../users/struct/field-cursor.ts";
import { GatheredBytes } from "./gathered-bytes.ts";
import { type FieldForm, NameCount, overlongList, type RequestForm } from "./request-form.ts";

/**
 * Reads a message. A list beyond its limit is not read: it keeps its length, with empty entries.
 *
 * @throws Error for bytes that are not such a message
 */
export function readBinary<Wire extends DescMessage>(form: RequestForm<Wire>, bytes: Uint8Array): MessageShape<Wire> {
  const plain = new PlainFields(bytes);
  const readers = new Map<FieldForm, FieldReader>();
  const cursor = new FieldCursor(bytes);
  while (cursor.next()) {
    const field = form.byNumber.get(cursor.number);
    if (field === undefined) continue;
    if (field.kind === "plain") plain.add(field.field, cursor);
    else if (cursor.wireType === wireTypes.lengthDelimited) {
      let reader = readers.get(field);
      if (reader === undefined) {
        reader = fieldReader(field);
        readers.set(field, reader);
      }
      reader.add(cursor);
    } else throw otherWireType();
  }
  const message = plain.isEmpty
    ? create(form.wire)
    : fromBinary(form.wire, plain.encode(), { readUnknownFields: false });
  const read: Record<string, unknown> = {};
  for (const [field, reader] of readers) read[field.localName] = reader.finish();
  return Object.assign(message, read);
}

/** Reads a field from all of its occurrences. */
interface FieldReader {
  /** @param cursor at an occurrence, which has to be read before the cursor moves on */
  add(cursor: FieldCursor): void;
  finish(): unknown;
}

function fieldReader(field: Exclude<FieldForm, { kind: "plain" }>): FieldReader {
  switch (field.kind) {
    case "struct":
    case "value":
      return new Pieces();
    case "message":
      return messageReader(field.form);
    case "text":
      return lastReader();
    case "texts":
      return listReader<Uint8Array>(field.max, (content) => content, nothing);
    case "messages":
      return messagesReader(field);
  }
}

function messageReader(form: RequestForm): FieldReader {
  const pieces = new Pieces();
  return { add: (cursor) => pieces.add(cursor), finish: () => readBinary(form, pieces.joined()) };
}

function messagesReader(field: FieldForm & { readonly kind: "messages" }): FieldReader {
  const names = new NameCount(field);
  const read = (content: Uint8Array) => {
    const message = readBinary(field.form, content);
    names.add(message);
    return message;
  };
  return listReader(field.max, read, create(field.form.wire));
}

/** A message in pieces is their concatenation. */
class Pieces implements FieldReader {
  #first: Uint8Array | undefined;
  #all: GatheredBytes | undefined;

  add(cursor: FieldCursor): void {
    if (this.#first === undefined) {
      this.#first = cursor.content;
      return;
    }
    if (this.#all === undefined) {
      this.#all = new GatheredBytes();
      this.#all.add(this.#first);
    }
    this.#all.addRange(cursor.bytes, cursor.contentStart, cursor.end);
  }

  joined(): Uint8Array {
    return this.#all?.bytes ?? this.#first ?? nothing;
  }

  finish(): Uint8Array[] {
    return [this.joined()];
  }
}

function lastReader(): FieldReader {
  let source = nothing;
  let start = 0;
  let end = 0;
  return {
    add(cursor) {
      source = cursor.bytes;
      start = cursor.contentStart;
      end = cursor.end;
    },
    finish: () => source.subarray(start, end),
  };
}

function listReader<Entry>(max: number, read: (content: Uint8Array) => Entry, unread: Entry): FieldReader {
  const entries: Entry[] = [];
  let count = 0;
  return {
    add(cursor) {
      if (++count <= max) entries.push(read(cursor.content));
    },
    finish: () => (count <= max ? entries : overlongList(count, unread)),
  };
}

const nothing: Uint8Array = new Uint8Array();

type MessageField = DescField & { readonly fieldKind: "message" };

/** Encodes fields anew, each once: the last value of a field, and the concatenation of a message's pieces. */
class PlainFields {
  readonly #bytes: Uint8Array;
  readonly #last = new Map<DescField, { start: number; end: number }>();
  readonly #messages = new Map<MessageField, Pieces>();

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  add(field: DescField, cursor: FieldCursor): void {
    // protobuf-es would misread the rest of the message.
    if (cursor.wireType !== wireTypeOf(field)) throw otherWireType();
    if (field.fieldKind === "message") {
      this.#piecesOf(field).add(cursor);
      return;
    }
    const known = this.#last.get(field);
    if (known === undefined) this.#last.set(field, { start: cursor.start, end: cursor.end });
    else {
      known.start = cursor.start;
      known.end = cursor.end;
    }
  }

  #piecesOf(field: MessageField): Pieces {
    let pieces = this.#messages.get(field);
    if (pieces === undefined) {
      pieces = new Pieces();
      this.#messages.set(field, pieces);
    }
    return pieces;
  }

  get isEmpty(): boolean {
    return this.#last.size === 0 && this.#messages.size === 0;
  }

  encode(): Uint8Array {
    const writer = new BinaryWriter();
    // In the order of the message: the last field of a oneof counts.
    const inOrder = [...this.#last.values()].sort((a, b) => a.start - b.start);
    for (const { start, end } of inOrder) writer.raw(this.#bytes.subarray(start, end));
    for (const [{ number, message }, pieces] of this.#messages) {
      writer.tag(number, wireTypes.lengthDelimited).bytes(condensed(message, pieces.joined()));
    }
    return writer.finish();
  }
}

function wireTypeOf(field: DescField): number {
  if (field.fieldKind === "enum") return wireTypes.varint;
  if (field.fieldKind !== "scalar") return wireTypes.lengthDelimited;
  switch (field.scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return wireTypes.lengthDelimited;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return wireTypes.fixed64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return wireTypes.fixed32;
    default:
      return wireTypes.varint;
  }
}

function otherWireType(): Error {
  return new Error("a field has another wire type");
}

/** The same message, with each known field once. It has no lists: `formOf` checks that. */
function condensed(desc: DescMessage, bytes: Uint8Array): Uint8Array {
  const fields = new Map(desc.fields.map((field) => [field.number, field]));
  const plain = new PlainFields(bytes);
  const cursor = new FieldCursor(bytes);
  while (cursor.next()) {
    const field = fields.get(cursor.number);
    if (field !== undefined) plain.add(field, cursor);
  }
  return plain.encode();
}
