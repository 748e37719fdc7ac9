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

/** A message without the fields that protobuf-es adds. */
export type Fields<Message> = Omit<Message, "$typeName" | "$unknown">;

export interface RequestReader<Request> {
  /**
   * @param reserve called before bytes of memory are taken for a while; throws if there are none
   * @throws ConnectError naming the problem: INVALID_ARGUMENT, or RESOURCE_EXHAUSTED for a request that is too large
   */
  read(bytes: Buffer, encoding: Encoding, reserve: (bytes: number) => void): Request;
}

export interface RequestReaderOptions<Wire extends DescMessage, Request> {
  /** The contract's message. */
  readonly contract: DescMessage;
  /** The server's view of it. */
  readonly wire: Wire;
  /** Limits of its lists at any depth, by name. */
  readonly lists: ListLimits;
  /** Reads usual requests in protobuf's encoding; answers undefined for others. */
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

/** @throws ConnectError RESOURCE_EXHAUSTED for JSON that is too large in protobuf's encoding */
function weigh(bytes: number): void {
  const max = limits.maxRequestBytes;
  if (bytes <= max) return;
  throw messageTooLarge(
    "maxRequestBytes",
    `the message takes more than ${max} bytes in protobuf; send fewer values in one message`,
  );
}
