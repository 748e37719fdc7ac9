/** What the suite's ConformanceService does, whichever way a call comes in: what the call itself asks for. */
import { setTimeout as pause } from "node:timers/promises";
import { create, type DescMessage, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import {
  BidiStreamRequestSchema,
  ClientStreamRequestSchema,
  ConformancePayload_RequestInfoSchema,
  type ConformancePayloadSchema,
  type Error as ErrorDefinition,
  type Header,
  type HeaderSchema,
  ServerStreamRequestSchema,
  type StreamResponseDefinition,
  type UnaryResponseDefinition,
} from "./gen/connectrpc/conformance/v1/service_pb.js";

/** A call beside its messages. */
export interface Call {
  /** Aborts when the answer does not matter any more, with why. */
  readonly signal: AbortSignal;
  readonly requestHeaders: Headers;
  readonly timeoutMs: number | undefined;
  /** Of a Connect GET. */
  readonly query: URLSearchParams | undefined;
  /** What is set here before the first answer is sent with it. */
  readonly responseHeaders: Headers;
  readonly responseTrailers: Headers;
}

type Payload = MessageInitShape<typeof ConformancePayloadSchema>;
/** Of each method. */
interface Answer {
  readonly payload: Payload;
}
type RequestInfo = MessageShape<typeof ConformancePayload_RequestInfoSchema>;

/** @throws ConnectError that the definition asks for */
export async function answerOnce<Request extends DescMessage>(
  definition: UnaryResponseDefinition | undefined,
  requests: readonly MessageShape<Request>[],
  schema: Request,
  call: Call,
): Promise<Answer> {
  const info = requestInfo(call, packed(schema, requests));
  setMetadata(definition, call);
  await delay(definition?.responseDelayMs, call);
  if (definition?.response.case === "error") throw errorOf(definition.response.value, info);
  const data = definition?.response.case === "responseData" ? definition.response.value : new Uint8Array();
  return { payload: { data, requestInfo: info } };
}

/** Answers once, when all requests are there. */
export async function answerMany(
  requests: AsyncIterable<MessageShape<typeof ClientStreamRequestSchema>>,
  call: Call,
): Promise<Answer> {
  const all: MessageShape<typeof ClientStreamRequestSchema>[] = [];
  for await (const request of requests) all.push(request);
  return answerOnce(all[0]?.responseDefinition, all, ClientStreamRequestSchema, call);
}

export async function* answerStream(
  request: MessageShape<typeof ServerStreamRequestSchema>,
  call: Call,
): AsyncGenerator<Answer> {
  const definition = request.responseDefinition;
  setMetadata(definition, call);
  yield* remaining(definition, 0, packed(ServerStreamRequestSchema, [request]), call);
}

/** Answers each request with one message in full duplex, and once all are there otherwise. */
export async function* converse(
  requests: AsyncIterable<MessageShape<typeof BidiStreamRequestSchema>>,
  call: Call,
): AsyncGenerator<Answer> {
  let first: MessageShape<typeof BidiStreamRequestSchema> | undefined;
  let unanswered: Any[] = [];
  let answered = 0;
  for await (const request of requests) {
    if (first === undefined) {
      first = request;
      setMetadata(first.responseDefinition, call);
    }
    unanswered.push(anyPack(BidiStreamRequestSchema, request));
    if (!first.fullDuplex) continue;
    const data = first.responseDefinition?.responseData[answered];
    if (data === undefined) break;
    await delay(first.responseDefinition?.responseDelayMs, call);
    const info = answered === 0 ? requestInfo(call, unanswered) : { requests: unanswered };
    yield { payload: { data, requestInfo: info } };
    answered++;
    unanswered = [];
  }
  yield* remaining(first?.responseDefinition, answered, unanswered, call);
}

/** The answers from so many on, and the error in the end; the first of all tells of the requests. */
async function* remaining(
  definition: StreamResponseDefinition | undefined,
  answered: number,
  requests: Any[],
  call: Call,
): AsyncGenerator<Answer> {
  if (definition === undefined) return;
  const { responseData, responseDelayMs, error } = definition;
  for (const [index, data] of responseData.entries()) {
    if (index < answered) continue;
    await delay(responseDelayMs, call);
    yield { payload: index === 0 ? { data, requestInfo: requestInfo(call, requests) } : { data } };
  }
  if (error !== undefined) throw errorOf(error, responseData.length === 0 ? requestInfo(call, requests) : undefined);
}

function setMetadata(definition: UnaryResponseDefinition | StreamResponseDefinition | undefined, call: Call): void {
  const append = (headers: Headers, added: readonly Header[] = []) => {
    for (const { name, value } of added) for (const one of value) headers.append(name, one);
  };
  append(call.responseHeaders, definition?.responseHeaders);
  append(call.responseTrailers, definition?.responseTrailers);
}

/** @throws why the call has ended meanwhile */
async function delay(delayMs: number | undefined, { signal }: Call): Promise<void> {
  if (delayMs !== undefined && delayMs > 0) await pause(delayMs, undefined, { signal }).catch(() => {});
  signal.throwIfAborted();
}

/** @param info is a detail of the error, where no answer has told it */
function errorOf({ code, message, details }: ErrorDefinition, info: RequestInfo | undefined): ConnectError {
  const error = new ConnectError(message ?? "", Number(code));
  const told = info === undefined ? [] : [anyPack(ConformancePayload_RequestInfoSchema, info)];
  for (const { typeUrl, value } of [...details, ...told]) {
    error.details.push({ type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1), value });
  }
  return error;
}

function requestInfo({ requestHeaders, timeoutMs, query }: Call, requests: Any[]): RequestInfo {
  return create(ConformancePayload_RequestInfoSchema, {
    requestHeaders: headersOf(requestHeaders),
    ...(timeoutMs !== undefined && { timeoutMs: BigInt(Math.round(timeoutMs)) }),
    requests,
    ...(query !== undefined && { connectGetInfo: { queryParams: headersOf(query) } }),
  });
}

function headersOf(entries: Iterable<[string, string]>): MessageInitShape<typeof HeaderSchema>[] {
  return Array.from(entries, ([name, value]) => ({ name, value: [value] }));
}

function packed<Desc extends DescMessage>(schema: Desc, messages: readonly MessageShape<Desc>[]): Any[] {
  return messages.map((message) => anyPack(schema, message));
}
