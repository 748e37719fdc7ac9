/**
 * The packed form in which the adapters hand lists of commands and results over, to a script or to a thread: one
 * buffer each way, little-endian, instead of an object and several strings for each user.
 *
 *     commands   u8 groups, u32 count, then for each: u8 flags (1 can create, 2 wants user), u8 group,
 *                u8+etag, u16+id, u32+properties
 *     results    for each: u8 status; created, updated, unchanged: u8+etag, then a found user if it was wanted;
 *                too many, too large: u32 how many
 *     ids        u32 count, then for each: u16+id
 *     found      for each: u8 found (0 or 1), and if so: u64 created µs, u64 updated µs, u8+etag, u32+properties,
 *                u32+preferences
 *
 * (`u8+etag` is a length and as many bytes.)
 */
import type { IdentifyCommand, IdentifyOutcome, IdentifyResult, StoredUser } from "../users/store.ts";
import { isCanonicalProperties } from "../users/struct-scan.ts";
import type { UserId } from "../users/user-id.ts";

export const status = { created: 1, updated: 2, unchanged: 3, requiredMissing: 4, tooMany: 5, tooLarge: 6 } as const;
export const flags = { canCreate: 1, wantUser: 2 } as const;

const outcomes: Readonly<Record<number, IdentifyOutcome>> = {
  [status.created]: "created",
  [status.updated]: "updated",
  [status.unchanged]: "unchanged",
};

/** A buffer that grows, of which it owns the whole memory. */
export class PackedWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(capacity = 4096) {
    this.#buffer = Buffer.allocUnsafeSlow(capacity);
  }

  u8(value: number): this {
    const at = this.#reserve(1);
    this.#buffer.writeUInt8(value, at);
    return this;
  }

  u32(value: number): this {
    const at = this.#reserve(4);
    this.#buffer.writeUInt32LE(value, at);
    return this;
  }

  /** An integer up to 2^53. */
  u64(value: number): this {
    return this.u32(value % 2 ** 32).u32(Math.floor(value / 2 ** 32));
  }

  shortText(text: string): this {
    const length = Buffer.byteLength(text);
    const at = this.u8(length).#reserve(length);
    this.#buffer.write(text, at);
    return this;
  }

  text(text: string): this {
    const length = Buffer.byteLength(text);
    const at = this.#reserve(2 + length);
    this.#buffer.writeUInt16LE(length, at);
    this.#buffer.write(text, at + 2);
    return this;
  }

  bytes(bytes: Uint8Array): this {
    const at = this.u32(bytes.length).#reserve(bytes.length);
    this.#buffer.set(bytes, at);
    return this;
  }

  /** What was written; no copy. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(this.#length, this.#buffer.length * 2));
      this.#buffer.copy(grown, 0, 0, at);
      this.#buffer = grown;
    }
    return at;
  }
}

/** Reads what PackedWriter wrote. Reading beyond the end throws RangeError. */
export class PackedReader {
  readonly #buffer: Buffer;
  #pos = 0;

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  u8(): number {
    this.#pos += 1;
    return this.#buffer.readUInt8(this.#pos - 1);
  }

  u32(): number {
    this.#pos += 4;
    return this.#buffer.readUInt32LE(this.#pos - 4);
  }

  u64(): number {
    const low = this.u32();
    return this.u32() * 2 ** 32 + low;
  }

  shortText(): string {
    return this.#take(this.u8()).toString("utf8");
  }

  text(): string {
    this.#pos += 2;
    return this.#take(this.#buffer.readUInt16LE(this.#pos - 2)).toString("utf8");
  }

  /** A view, not a copy. */
  bytes(): Buffer {
    return this.#take(this.u32());
  }

  #take(length: number): Buffer {
    const end = this.#pos + length;
    if (end > this.#buffer.length) throw new RangeError("packed data ends early");
    const taken = this.#buffer.subarray(this.#pos, end);
    this.#pos = end;
    return taken;
  }
}

/**
 * @param groups how many groups there are, 0 to 64
 * @param groupOf the group of each command, from 1; adapters that keep users together by group use it
 */
export function packCommands(
  commands: readonly IdentifyCommand[],
  groups = 0,
  groupOf: (index: number) => number = () => 0,
): Buffer {
  const writer = new PackedWriter(commands.length * 512).u8(groups).u32(commands.length);
  commands.forEach((command, index) => {
    writer.u8((command.canCreate ? flags.canCreate : 0) | (command.wantUser ? flags.wantUser : 0));
    writer.u8(groupOf(index)).shortText(command.etag).text(command.id).bytes(command.properties);
  });
  return writer.finish();
}

/** @param commands the commands that the results answer */
export function unpackResults(packed: Uint8Array, commands: readonly IdentifyCommand[]): IdentifyResult[] {
  const reader = new PackedReader(packed);
  return commands.map((command) => {
    const code = reader.u8();
    const outcome = outcomes[code];
    if (outcome !== undefined) {
      const etag = reader.shortText();
      return { outcome, etag, user: command.wantUser ? unpackUser(reader, command.id) : undefined };
    }
    switch (code) {
      case status.requiredMissing:
        return { refused: "required-missing" };
      case status.tooMany:
        return { refused: "too-many-properties", count: reader.u32() };
      case status.tooLarge:
        return { refused: "properties-too-large", bytes: reader.u32() };
      default:
        throw new Error(`the store answered with the unknown status ${code}`);
    }
  });
}

export function packIds(ids: readonly UserId[]): Buffer {
  const writer = new PackedWriter(4 + ids.length * 40).u32(ids.length);
  for (const id of ids) writer.text(id);
  return writer.finish();
}

/** @param ids the ids that were asked for */
export function unpackFound(packed: Uint8Array, ids: readonly UserId[]): (StoredUser | undefined)[] {
  const reader = new PackedReader(packed);
  return ids.map((id) => unpackUser(reader, id));
}

function unpackUser(reader: PackedReader, id: UserId): StoredUser | undefined {
  if (reader.u8() === 0) return undefined;
  const createdAt = reader.u64();
  const updatedAt = reader.u64();
  const etag = reader.shortText();
  const properties = reader.bytes();
  const preferences = reader.bytes();
  if (!isCanonicalProperties(properties)) throw new Error("a user's stored properties are not canonical");
  return { id, properties, preferences, createdAt, updatedAt, etag };
}
