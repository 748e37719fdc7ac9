/** Writes the most frequent answers straight into bytes, as protobuf-es would write them. */
import type { UserView } from "../../users/reading.ts";
import type { Page } from "../../users/registry.ts";
import type { ToldIdentified } from "../disclosure.ts";
import { outcomes } from "../user-messages.ts";
import { prefixBytes, sealEnvelope } from "./envelopes.ts";

const lengthDelimited = 2;
const varint = 0;
const userTags = {
  id: (1 << 3) | lengthDelimited,
  properties: (2 << 3) | lengthDelimited,
  preferences: (3 << 3) | lengthDelimited,
  updatedAt: (4 << 3) | lengthDelimited,
  createdAt: (5 << 3) | lengthDelimited,
  etag: (6 << 3) | lengthDelimited,
} as const;
const timestampTags = { seconds: (1 << 3) | varint, nanos: (2 << 3) | varint } as const;
/** Fields of IdentifyResponse. The answers of GetUser and SetPreferences have the first of them. */
const answerTags = {
  user: (1 << 3) | lengthDelimited,
  outcome: (2 << 3) | varint,
  ignoredProperties: (3 << 3) | lengthDelimited,
} as const;

/** A GetUserResponse or SetPreferencesResponse, with gRPC's prefix. */
export function writeOneUser(user: UserView | undefined): Buffer {
  if (user === undefined) return new FieldWriter(0).finish();
  const size = sizeOfUser(user);
  const writer = new FieldWriter(sizeOfField(size.all));
  writer.user(user, size);
  return writer.finish();
}

/** A FindUsersResponse or ListUsersResponse, with gRPC's prefix. */
export function writePage({ users, nextPageToken, damagedCount }: Page): Buffer {
  const sizes = users.map(sizeOfUser);
  const usersBytes = sizes.reduce((sum, { all }) => sum + sizeOfField(all), 0);
  const tokenBytes = Buffer.byteLength(nextPageToken);
  const writer = new FieldWriter(
    usersBytes + (tokenBytes === 0 ? 0 : sizeOfField(tokenBytes)) + sizeOfNumber(damagedCount),
  );
  for (const [at, size] of sizes.entries()) {
    const user = users[at];
    if (user !== undefined) writer.user(user, size);
  }
  if (tokenBytes > 0) writer.text(pageTags.nextPageToken, nextPageToken, tokenBytes);
  writer.number(pageTags.damagedCount, damagedCount);
  return writer.finish();
}

/** An IdentifyResponse, with gRPC's prefix. */
export function writeIdentified({ user, outcome, ignored }: ToldIdentified): Buffer {
  const size = user && sizeOfUser(user);
  const ignoredBytes = ignored.reduce((sum, name) => sum + sizeOfField(Buffer.byteLength(name)), 0);
  const writer = new FieldWriter((size === undefined ? 0 : sizeOfField(size.all)) + 2 + ignoredBytes);
  if (user !== undefined && size !== undefined) writer.user(user, size);
  writer.number(answerTags.outcome, outcomes[outcome]);
  for (const name of ignored) writer.text(answerTags.ignoredProperties, name, Buffer.byteLength(name));
  return writer.finish();
}

/** Fields of a page beside its users, which are its first field. */
const pageTags = {
  nextPageToken: (2 << 3) | lengthDelimited,
  damagedCount: (3 << 3) | varint,
} as const;

interface UserSize {
  readonly all: number;
  readonly id: number;
  readonly updatedAt: number;
  readonly createdAt: number;
}

function sizeOfUser({ id, properties, preferences, updatedAt, createdAt, etag }: UserView): UserSize {
  const size = {
    id: Buffer.byteLength(id),
    updatedAt: sizeOfTimestamp(updatedAt),
    createdAt: sizeOfTimestamp(createdAt),
  };
  let all = sizeOfField(size.id) + sizeOfField(properties.length) + sizeOfField(preferences.length);
  // A user that validate_only would create has no times.
  if (createdAt !== 0) all += sizeOfField(size.updatedAt) + sizeOfField(size.createdAt);
  if (etag !== "") all += sizeOfField(etag.length);
  return { ...size, all };
}

/** The size of a length-delimited field, by the size of its content. */
function sizeOfField(length: number): number {
  return 1 + sizeOfVarint(length) + length;
}

function sizeOfTimestamp(micros: number): number {
  return sizeOfNumber(Math.floor(micros / 1_000_000)) + sizeOfNumber((micros % 1_000_000) * 1_000);
}

/** The size of a field with a number. 0 is left out. */
function sizeOfNumber(value: number): number {
  return value === 0 ? 0 : 1 + sizeOfVarint(value);
}

function sizeOfVarint(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
  return size;
}

/** Writes fields into an envelope of exactly their size. */
class FieldWriter {
  readonly #bytes: Buffer;
  #pos = prefixBytes;

  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafe(prefixBytes + size);
  }

  finish(): Buffer {
    if (this.#pos !== this.#bytes.length) throw new Error("a message does not have its computed size");
    return sealEnvelope(this.#bytes);
  }

  user({ id, properties, preferences, updatedAt, createdAt, etag }: UserView, size: UserSize): void {
    this.#head(answerTags.user, size.all);
    this.text(userTags.id, id, size.id);
    this.#content(userTags.properties, properties);
    this.#content(userTags.preferences, preferences);
    if (createdAt !== 0) {
      this.#timestamp(userTags.updatedAt, updatedAt, size.updatedAt);
      this.#timestamp(userTags.createdAt, createdAt, size.createdAt);
    }
    if (etag !== "") this.text(userTags.etag, etag, etag.length);
  }

  /** @param size in UTF-8 */
  text(tag: number, text: string, size: number): void {
    this.#head(tag, size);
    if (size === text.length) {
      for (let i = 0; i < size; i++) this.#bytes[this.#pos++] = text.charCodeAt(i);
    } else this.#pos += this.#bytes.write(text, this.#pos);
  }

  /** @param value up to 2^53 */
  number(tag: number, value: number): void {
    if (value === 0) return;
    this.#bytes[this.#pos++] = tag;
    this.#varint(value);
  }

  #content(tag: number, content: Uint8Array): void {
    this.#head(tag, content.length);
    this.#bytes.set(content, this.#pos);
    this.#pos += content.length;
  }

  #timestamp(tag: number, micros: number, size: number): void {
    this.#head(tag, size);
    this.number(timestampTags.seconds, Math.floor(micros / 1_000_000));
    this.number(timestampTags.nanos, (micros % 1_000_000) * 1_000);
  }

  #head(tag: number, size: number): void {
    this.#bytes[this.#pos++] = tag;
    this.#varint(size);
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#bytes[this.#pos++] = (rest % 0x80) | 0x80;
    this.#bytes[this.#pos++] = rest;
  }
}
