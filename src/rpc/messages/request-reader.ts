/** Reads a method's requests, in either encoding. */
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { UserError } from "../../users/errors.ts";
import { limits } from "../../users/limits.ts";
import { describeError, messageTooLarge } from "../errors.ts";
import { readBinary } from "./read-binary.ts";
import { readJson } from "./read-json.ts";
import { formOf, type ListLimits } from "./request-form.ts";
import { unreadable } from "./unreadable.ts";

export type Encoding = "binary" | "json";

/** What a message holds, without what protobuf-es adds. */
export type Fields<Message> = Omit<Message, "$typeName" | "$unknown">;

export interface RequestReader<Request> {
  /**
   * @param reserve asks for memory, in bytes, before so much is taken for a while; throws where there is none
   * @throws ConnectError that names what is wrong: INVALID_ARGUMENT, or RESOURCE_EXHAUSTED for one that is too large
   */
  read(bytes: Buffer, encoding: Encoding, reserve: (bytes: number) => void): Request;
}

export interface RequestReaderOptions<Wire extends DescMessage, Request> {
  /** The contract's message. */
  readonly contract: DescMessage;
  /** The server's view of it. */
  readonly wire: Wire;
  /** Limits of its lists, at whatever depth, by their names. */
  readonly lists: ListLimits;
  /** Reads the usual requests in protobuf's encoding; undefined for others. */
  readonly readFast?: ((bytes: Uint8Array) => Request | undefined) | undefined;
}

export function requestReader<Wire extends DescMessage, Request = Fields<MessageShape<Wire>>>({
  contract,
  wire,
  lists,
  readFast,
}: RequestReaderOptions<Wire, Request>): RequestReader<Request | Fields<MessageShape<Wire>>> {
  const form = formOf(contract, wire, lists);
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
