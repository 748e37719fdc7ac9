/**
 * Reads the most frequent requests, identifies, straight from their bytes and without a copy. Unusual encodings (an unknown field,
 * a message in pieces) fall back to the general reader, which reads the same.
 */
import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { type Precondition, PreconditionSchema } from "#gen/rollcall/v1/user_pb.js";
import type { BatchReport } from "#gen/rollcall/v1/user_service_pb.js";
import type { IdentifyRequest } from "#gen-server/rollcall/server/v1/wire_pb.js";
import { limits } from "../../users/limits.ts";
import type { Fields } from "./request-reader.ts";

const lengthDelimited = 2;
const varint = 0;
/** Field numbers with their wire types. */
const identifyTags = {
  id: (1 << 3) | lengthDelimited,
  properties: (2 << 3) | lengthDelimited,
  setOnce: (3 << 3) | lengthDelimited,
  unset: (4 << 3) | lengthDelimited,
  precondition: (5 << 3) | lengthDelimited,
  observedAt: (6 << 3) | lengthDelimited,
  validateOnly: (7 << 3) | varint,
} as const;
const batchTags = { requests: (1 << 3) | lengthDelimited, report: (2 << 3) | varint } as const;

type IdentifyFields = Fields<IdentifyRequest>;
type BatchFields = { readonly requests: readonly IdentifyFields[]; readonly report: BatchReport };

const nothing: Uint8Array = new Uint8Array();
const none: Uint8Array[] = [];

/** More pieces of one Struct are unusual. */
const maxPieces = 4;
/** An item with more fields repeats one of them. */
const maxFields = limits.maxProperties + 2 * maxPieces + 4;
/** A larger message within a request is unusual. */
const maxInnerBytes = 256;

/** @returns undefined for an unusual encoding */
export function readIdentifyRequest(bytes: Uint8Array): IdentifyFields | undefined {
  return new IdentifyReader(bytes).identify(bytes.length);
}

/** @returns undefined for an unusual encoding */
export function readBatchIdentifyRequest(bytes: Uint8Array): BatchFields | undefined {
  return new IdentifyReader(bytes).batch();
}

/** Each method consumes what it names from `#pos` on. Undefined, or -1, stands for an unusual encoding. */
class IdentifyReader {
  readonly #bytes: Uint8Array;
  #pos = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  batch(): BatchFields | undefined {
    const bytes = this.#bytes;
    const requests: IdentifyFields[] = [];
    let report = 0;
    let names = 0;
    while (this.#pos < bytes.length) {
      switch (bytes[this.#pos++]) {
        case batchTags.requests: {
          const end = this.#end(bytes.length);
          const request = end < 0 ? undefined : this.identify(end);
          if (request === undefined || requests.length === limits.maxBatchItems) return undefined;
          names += request.unset.length;
          if (names > limits.maxBatchNames) return undefined;
          requests.push(request);
          break;
        }
        case batchTags.report:
          report = this.#smallVarint(bytes.length);
          if (report < 0) return undefined;
          break;
        default:
          return undefined;
      }
    }
    return { requests, report };
  }

  identify(end: number): IdentifyFields | undefined {
    const bytes = this.#bytes;
    let id = nothing;
    let properties = none;
    let setOnce = none;
    let unset = none;
    let precondition: Precondition | undefined;
    let observedAt: Timestamp | undefined;
    let validateOnly = false;
    let fields = 0;
    while (this.#pos < end) {
      if (++fields > maxFields) return undefined;
      const tag = bytes[this.#pos++];
      if (tag === identifyTags.validateOnly) {
        const value = this.#smallVarint(end);
        if (value < 0) return undefined;
        validateOnly = value !== 0;
        continue;
      }
      const fieldEnd = this.#end(end);
      if (fieldEnd < 0) return undefined;
      const field = bytes.subarray(this.#pos, fieldEnd);
      this.#pos = fieldEnd;
      switch (tag) {
        case identifyTags.id:
          id = field;
          break;
        case identifyTags.properties:
          properties = append(properties, field);
          if (properties.length > maxPieces) return undefined;
          break;
        case identifyTags.setOnce:
          setOnce = append(setOnce, field);
          if (setOnce.length > maxPieces) return undefined;
          break;
        case identifyTags.unset:
          unset = append(unset, field);
          if (unset.length > limits.maxProperties) return undefined;
          break;
        case identifyTags.precondition:
          if (precondition !== undefined) return undefined;
          precondition = readInner(PreconditionSchema, field);
          if (precondition === undefined) return undefined;
          break;
        case identifyTags.observedAt:
          if (observedAt !== undefined) return undefined;
          observedAt = readInner(TimestampSchema, field);
          if (observedAt === undefined) return undefined;
          break;
        default:
          return undefined;
      }
    }
    return { id, properties, setOnce, unset, precondition, observedAt, validateOnly };
  }

  /** A varint of one byte. */
  #smallVarint(end: number): number {
    const byte = this.#pos < end ? this.#bytes[this.#pos++] : undefined;
    return byte === undefined || byte >= 0x80 ? -1 : byte;
  }

  /** Consumes a length, and returns where its content ends. */
  #end(end: number): number {
    const bytes = this.#bytes;
    let length = 0;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = bytes[this.#pos++];
      if (byte === undefined) return -1;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        const contentEnd = this.#pos + length;
        return contentEnd > end ? -1 : contentEnd;
      }
    }
    return -1;
  }
}

function readInner<Desc extends DescMessage>(desc: Desc, bytes: Uint8Array): MessageShape<Desc> | undefined {
  if (bytes.length > maxInnerBytes) return undefined;
  try {
    return fromBinary(desc, bytes);
  } catch {
    return undefined;
  }
}

/** @param pieces what this returned before for the same field, or `none` */
function append(pieces: Uint8Array[], piece: Uint8Array): Uint8Array[] {
  if (pieces === none) return [piece];
  pieces.push(piece);
  return pieces;
}
