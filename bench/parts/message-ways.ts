/** Messages: reading requests and writing answers. */
import { deepStrictEqual } from "node:assert";
import { create, fromBinary, fromJson, toBinary } from "@bufbuild/protobuf";
import { BatchIdentifyRequestSchema, IdentifyRequestSchema } from "../../gen/es/rollcall/v1/user_service_pb.js";
import {
  BatchIdentifyRequestSchema as WireBatch,
  IdentifyRequestSchema as WireIdentify,
} from "../../gen/server/rollcall/server/v1/wire_pb.js";
import { writeIdentify } from "../../src/client/write-identify.ts";
import { readBinary } from "../../src/rpc/messages/read-binary.ts";
import { readBatchIdentifyRequest, readIdentifyRequest } from "../../src/rpc/messages/read-identify.ts";
import { readJson } from "../../src/rpc/messages/read-json.ts";
import { formOf } from "../../src/rpc/messages/request-form.ts";
import { writeOneUser } from "../../src/rpc/messages/write-user.ts";
import type { UserView } from "../../src/users/reading.ts";
import { BackwardWriter } from "../../src/users/struct/backward-writer.ts";
import { batchTemplate, identifyTemplate } from "../load/requests.ts";
import type { Ways } from "./measure.ts";
import * as asMessage from "./plain/write-user-as-message.ts";
import * as withWriter from "./plain/write-user-with-writer.ts";
import { batchMessage, commands, count, items, messages, unusual } from "./samples.ts";

export function readingWays(): Ways[] {
  const batchForm = formOf(BatchIdentifyRequestSchema, WireBatch, {
    requests: "maxBatchItems",
    unset: "maxProperties",
  });
  const identifyForm = formOf(IdentifyRequestSchema, WireIdentify, { unset: "maxProperties" });
  const wholeBatch = batchMessage(batchTemplate(count));
  const identifies = messages(identifyTemplate());
  const texts = items.map((item) => Buffer.from(JSON.stringify(item)));
  const budget = { reserve: () => {}, weigh: () => {} };
  const general = "the general reader, `read-binary`";
  const protobufEs = "protobuf-es: `fromBinary`";
  const readAll = () => readBatchIdentifyRequest(wholeBatch)?.requests.length ?? unusual();
  const readAllGeneral = () => readBinary(batchForm, wholeBatch);
  const readAllByLibrary = () => fromBinary(WireBatch, wholeBatch, { readUnknownFields: false });
  const part = "`rpc/messages/read-identify`";
  const batch = { part, call: "BatchIdentify", units: count };
  return [
    { ...batch, against: general, ours: readAll, plain: readAllGeneral },
    { ...batch, against: protobufEs, ours: readAll, plain: readAllByLibrary },
    {
      part,
      against: general,
      call: "Identify",
      units: count,
      ours: () => identifies.map(readIdentifyRequest),
      plain: () => identifies.map((bytes) => readBinary(identifyForm, bytes)),
    },
    {
      ...batch,
      part: "General reader (`rpc/messages/read-binary`)",
      against: protobufEs,
      ours: readAllGeneral,
      plain: readAllByLibrary,
      guards: "bounds a request's memory",
    },
    {
      part: "JSON tape (`rpc/messages/read-json`, `json-*`)",
      against: "`JSON.parse` and `fromJson`, then `toBinary` for the Struct's bytes",
      call: "Identify through Connect",
      units: count,
      ours: () => texts.map((text) => readJson(identifyForm, text, budget)),
      plain: () =>
        texts.map((text) => {
          const request = fromJson(IdentifyRequestSchema, JSON.parse(text.toString()));
          return fromBinary(WireIdentify, toBinary(IdentifyRequestSchema, request));
        }),
      guards: "bounds a request's memory",
    },
  ];
}

export function writingWays(): Ways[] {
  const views = commands.map(
    ({ id, etag, edits }, user): UserView => ({
      id,
      properties: edits,
      preferences: new Uint8Array(),
      createdAt: 1_790_000_000_123_456,
      updatedAt: 1_790_000_000_123_456 + user,
      etag,
    }),
  );
  deepStrictEqual(views.map(writeOneUser), views.map(withWriter.writeOneUser));
  deepStrictEqual(views.map(writeOneUser), views.map(asMessage.writeOneUser));
  const get = {
    part: "`rpc/messages/write-user`",
    call: "GetUser",
    units: count,
    ours: () => views.map(writeOneUser),
  };
  return [
    { ...get, against: "protobuf-es: `BinaryWriter`", plain: () => views.map(withWriter.writeOneUser) },
    { ...get, against: "protobuf-es: `toBinary`", plain: () => views.map(asMessage.writeOneUser) },
    itemWays(),
  ];
}

function itemWays(): Ways {
  const writer = new BackwardWriter();
  const write = (item: (typeof items)[number]) => {
    writer.clear();
    if (!writeIdentify(writer, item, false)) throw new Error("an item cannot be sent");
    return new Uint8Array(writer.written());
  };
  const writeMessage = (item: (typeof items)[number]) =>
    toBinary(IdentifyRequestSchema, create(IdentifyRequestSchema, item));
  deepStrictEqual(items.map(write), items.map(writeMessage));
  return {
    part: "Items of an import (`client/write-identify`, `write-struct`)",
    against: "protobuf-es: `toBinary`",
    call: "importUsers, the client",
    units: count,
    ours: () => items.map(write),
    plain: () => items.map(writeMessage),
  };
}
