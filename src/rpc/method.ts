/** The rows of the table of methods: they serve a method of UserService over any protocol and encoding. */
import {
  create,
  type DescMessage,
  type DescMethodBiDiStreaming,
  type DescMethodUnary,
  type Message,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { Scope } from "../credentials/principal.ts";
import type { CallContext } from "./call/call-context.ts";
import { envelopeOf } from "./messages/envelopes.ts";
import type { ListLimits } from "./messages/request-form.ts";
import { type Fields, type RequestReader, requestReader } from "./messages/request-reader.ts";
import type { UserHandlers } from "./user-handlers.ts";

/** Reads the next request of a call. */
export type NextRequest = <Request>(reader: RequestReader<Request>) => Request | Promise<Request>;

export interface UnaryMethod {
  readonly kind: "unary";
  readonly method: DescMethodUnary;
  /** The scope that callers need; undefined where credentials are enough. */
  readonly scope: Scope | undefined;
  /** The answer in the server's view, with every google.protobuf.Struct as bytes. */
  readonly output: DescMessage;
  /** Resolves with a message of `output`. */
  readonly answer: (handlers: UserHandlers, next: NextRequest, call: CallContext) => Promise<Message>;
  /** Reads a request in protobuf's encoding, and resolves with the bytes of its answer, behind gRPC's prefix. */
  readonly answerBytes: (handlers: UserHandlers, request: Buffer, call: CallContext) => Promise<Buffer>;
}

export interface StreamMethod {
  readonly kind: "stream";
  readonly method: DescMethodBiDiStreaming;
  readonly scope: Scope | undefined;
  /** @param stop aborts with the error of the stream, once no more requests are taken */
  readonly answers: (
    handlers: UserHandlers,
    requests: AsyncIterable<NextRequest>,
    call: CallContext,
    stop: AbortSignal,
  ) => AsyncIterable<Message>;
}

interface UnaryRow<Input extends DescMessage, Output extends DescMessage, Request, Answer> {
  readonly scope: Scope | undefined;
  /** The request and the answer in the server's view, with every google.protobuf.Struct as bytes. */
  readonly input: Input;
  readonly output: Output;
  /** Limits of the request's lists, by name. */
  readonly lists?: ListLimits;
  /** Reads usual requests; answers undefined for others. */
  readonly readFast?: (bytes: Uint8Array) => Request | undefined;
  readonly serve: (
    handlers: UserHandlers,
  ) => (request: Request | Fields<MessageShape<Input>>, call: CallContext) => Promise<Answer>;
  readonly message: (answer: Answer) => MessageInitShape<Output>;
  /** Writes the bytes that protobuf-es would write for `message`, behind gRPC's prefix. */
  readonly writeFast?: (answer: Answer) => Buffer;
}

export function unary<
  Input extends DescMessage,
  Output extends DescMessage,
  Answer,
  Request = Fields<MessageShape<Input>>,
>(
  method: DescMethodUnary,
  { scope, input, output, lists = {}, readFast, serve, message, writeFast }: UnaryRow<Input, Output, Request, Answer>,
): UnaryMethod & { readonly reader: RequestReader<Request | Fields<MessageShape<Input>>> } {
  const reader = requestReader<Input, Request>({ contract: method.input, wire: input, lists, readFast });
  const write = writeFast ?? ((answer) => encodeEnvelope(output, message(answer)));
  return {
    kind: "unary",
    method,
    scope,
    reader,
    output,
    answer: async (handlers, next, call) => create(output, message(await serve(handlers)(await next(reader), call))),
    // A request that is read is no larger than its bytes.
    answerBytes: async (handlers, request, call) =>
      write(await serve(handlers)(reader.read(request, "binary", reserveNothing), call)),
  };
}

interface StreamRow<Request, Output extends DescMessage> {
  readonly scope: Scope;
  readonly reader: RequestReader<Request>;
  readonly serve: (
    handlers: UserHandlers,
  ) => (
    requests: AsyncIterable<Request>,
    call: CallContext,
    stop: AbortSignal,
  ) => AsyncIterable<MessageInitShape<Output>>;
}

export function stream<Request, Output extends DescMessage>(
  method: DescMethodBiDiStreaming<DescMessage, Output>,
  { scope, reader, serve }: StreamRow<Request, Output>,
): StreamMethod & { readonly reader: RequestReader<Request> } {
  async function* read(requests: AsyncIterable<NextRequest>) {
    for await (const next of requests) yield next(reader);
  }
  return {
    kind: "stream",
    method,
    scope,
    reader,
    async *answers(handlers, requests, call, stop) {
      for await (const answer of serve(handlers)(read(requests), call, stop)) yield create(method.output, answer);
    },
  };
}

/** A message in protobuf's encoding, behind gRPC's prefix. */
export function encodeEnvelope<Desc extends DescMessage>(desc: Desc, message: MessageInitShape<Desc>): Buffer {
  return envelopeOf(toBinary(desc, create(desc, message)));
}

export function reserveNothing(): void {}
