/** `src/rpc/messages/write-user.ts` by protobuf-es' `BinaryWriter`. */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { ToldIdentified } from "../../../src/rpc/disclosure.ts";
import { prefixBytes, sealEnvelope } from "../../../src/rpc/messages/envelopes.ts";
import { outcomes } from "../../../src/rpc/user-messages.ts";
import type { UserView } from "../../../src/users/reading.ts";
import type { Page } from "../../../src/users/registry.ts";

export function writeOneUser(user: UserView | undefined): Buffer {
  return enveloped(withUser(user).finish());
}

export function writeIdentified({ user, outcome, ignored }: ToldIdentified): Buffer {
  const writer = withUser(user).tag(2, WireType.Varint).int32(outcomes[outcome]);
  for (const name of ignored) writer.tag(3, WireType.LengthDelimited).string(name);
  return enveloped(writer.finish());
}

export function writePage({ users, nextPageToken, damagedCount }: Page): Buffer {
  const writer = new BinaryWriter();
  for (const user of users) addUser(writer, user);
  if (nextPageToken !== "") writer.tag(2, WireType.LengthDelimited).string(nextPageToken);
  if (damagedCount !== 0) writer.tag(3, WireType.Varint).int32(damagedCount);
  return enveloped(writer.finish());
}

function withUser(user: UserView | undefined): BinaryWriter {
  const writer = new BinaryWriter();
  return user === undefined ? writer : addUser(writer, user);
}

function addUser(writer: BinaryWriter, user: UserView): BinaryWriter {
  writer.tag(1, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.LengthDelimited).string(user.id);
  writer.tag(2, WireType.LengthDelimited).bytes(user.properties);
  writer.tag(3, WireType.LengthDelimited).bytes(user.preferences);
  if (user.createdAt !== 0) {
    writeTime(writer, 4, user.updatedAt);
    writeTime(writer, 5, user.createdAt);
  }
  if (user.etag !== "") writer.tag(6, WireType.LengthDelimited).string(user.etag);
  return writer.join();
}

function writeTime(writer: BinaryWriter, field: number, micros: number): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.Varint).int64(Math.floor(micros / 1_000_000));
  const nanos = (micros % 1_000_000) * 1_000;
  if (nanos !== 0) writer.tag(2, WireType.Varint).int32(nanos);
  writer.join();
}

/** A message with gRPC's prefix. */
function enveloped(message: Uint8Array): Buffer {
  const envelope = Buffer.allocUnsafe(prefixBytes + message.length);
  envelope.set(message, prefixBytes);
  return sealEnvelope(envelope);
}
