/** The requests of UserService's methods, in either encoding. */
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { UserError } from "../../users/errors.ts";
import { limits } from "../../users/limits.ts";
import type { BatchMessage } from "../batch-identify.ts";
import { describeError, messageTooLarge } from "../errors.ts";
import { readBinary } from "./read-binary.ts";
import { readBatchIdentifyRequest, readIdAlone, readIdentifyRequest } from "./read-identify.ts";
import { readJson } from "./read-json.ts";
import { formOf } from "./request-form.ts";
import { unreadable } from "./unreadable.ts";
import { wireMethods } from "./wire-methods.ts";

export type Encoding = "binary" | "json";

/** Reads one kind of request. */
export interface RequestReader<Request> {
  /**
   * @param reserve asks for memory, in bytes, before so much is taken for a while; throws where there is none
   * @throws ConnectError that names what is wrong: INVALID_ARGUMENT, or RESOURCE_EXHAUSTED for one that is too large
   */
  read(bytes: Buffer, encoding: Encoding, reserve: (bytes: number) => void): Request;
}

function requestReader<Wire extends DescMessage>(contract: DescMessage, wire: Wire): RequestReader<MessageShape<Wire>>;
function requestReader<Wire extends DescMessage, Request extends object>(
  contract: DescMessage,
  wire: Wire,
  readFast: (bytes: Uint8Array) => Request | undefined,
): RequestReader<Request | MessageShape<Wire>>;
function requestReader<Wire extends DescMessage>(
  contract: DescMessage,
  wire: Wire,
  readFast?: (bytes: Uint8Array) => object | undefined,
): RequestReader<object> {
  const form = formOf(contract, wire);
  return {
    read(bytes, encoding, reserve) {
      try {
        if (encoding === "binary") return readFast?.(bytes) ?? readBinary(form, bytes);
        return readJson(form, bytes, { reserve, weigh });
      } catch (error) {
        if (error instanceof ConnectError) throw error;
        throw describeError(error instanceof UserError ? error : unreadable("", contract));
      }
    },
  };
}

/** @throws ConnectError RESOURCE_EXHAUSTED for more than a message may have in protobuf's encoding */
function weigh(bytes: number): void {
  const max = limits.maxRequestBytes;
  if (bytes <= max) return;
  throw messageTooLarge(
    "maxRequestBytes",
    `the message takes more than ${max} bytes in protobuf; send fewer values in one message`,
  );
}

const { identify, getUser, batchIdentify, batchGetUsers, listUsers, setPreferences, deleteUser } = UserService.method;

const batch = requestReader(batchIdentify.input, wireMethods.batchIdentify.input, readBatchIdentifyRequest);

export const userRequests = {
  identify: requestReader(identify.input, wireMethods.identify.input, readIdentifyRequest),
  getUser: requestReader(getUser.input, wireMethods.getUser.input, readIdAlone),
  batchIdentify: {
    read(bytes: Buffer, encoding: Encoding, reserve: (bytes: number) => void): BatchMessage {
      const { requests, report } = batch.read(bytes, encoding, reserve);
      return { requests, report, messageBytes: bytes.length };
    },
  },
  batchGetUsers: requestReader(batchGetUsers.input, wireMethods.batchGetUsers.input),
  listUsers: requestReader(listUsers.input, wireMethods.listUsers.input),
  setPreferences: requestReader(setPreferences.input, wireMethods.setPreferences.input),
  deleteUser: requestReader(deleteUser.input, wireMethods.deleteUser.input),
} as const;
