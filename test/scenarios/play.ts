/** Makes the calls of a scenario, one after the other, and says of each whether it got the expected answer. */
import { Readable } from "node:stream";
import { type DescMessage, fromJson, type JsonValue, type Message, toJson } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { describeError, type SeenError } from "../support/rpc-errors.ts";
import { difference, isDefault, valueAt } from "./match.ts";
import { codeName, type ExpectedError, type Step, type StreamStep, type UnaryStep } from "./scenario-file.ts";
import { filledIn, fillIn, type Variables } from "./variables.ts";

const deadlineMs = 10_000;
const methods = Object.values(UserService.method);
const errorDomain = "rollcall.v1";

/** The line that a runner prints for a step. */
export interface StepResult {
  readonly step: string;
  readonly ok: boolean;
  /** What is not as it was expected. */
  readonly why?: string;
}

/** What a call has come to: of a stream, the messages that came before it failed as well. */
interface Answer {
  /** A message; for a stream a list of them. */
  readonly messages: JsonValue;
  readonly failure: SeenError | undefined;
}

/**
 * Each step, once it has run.
 *
 * @param run what `${run}` stands for
 */
export async function* play(
  steps: readonly Step[],
  { transport, run }: { readonly transport: Transport; readonly run: string },
): AsyncGenerator<StepResult, void> {
  const variables = new Map([["run", run]]);
  for (const step of steps) {
    const { name } = step;
    const why = await playStep(step, transport, variables).catch(String);
    yield why === undefined ? { step: name, ok: true } : { step: name, ok: false, why };
  }
}

/** @returns what is not as it was expected */
async function playStep(step: Step, transport: Transport, variables: Map<string, string>) {
  const { messages, failure } = await ("requests" in step
    ? callStream(step, transport, variables)
    : callUnary(step, transport, variables));
  const expected = "requests" in step ? (step.responses ?? []) : step.response;
  const wrongError = errorDifference(step.error, failure, variables);
  if (wrongError !== undefined) return wrongError;
  if (expected !== undefined) {
    const wrongAnswer = difference(filledIn(expected, variables), messages);
    if (wrongAnswer !== undefined) return wrongAnswer;
  }
  return step.error === undefined ? takeValues(step, messages, variables) : undefined;
}

async function callUnary(step: UnaryStep, transport: Transport, variables: Variables): Promise<Answer> {
  const method = methods.find(({ name }) => name === step.method);
  if (method?.methodKind !== "unary") throw new Error(`${step.method} is no unary method`);
  const request = fromJson<DescMessage>(method.input, filledIn(step.request, variables));
  try {
    const { message } = await transport.unary<DescMessage, DescMessage>(
      method,
      undefined,
      deadlineMs,
      undefined,
      request,
    );
    return { messages: asJson(method.output, message), failure: undefined };
  } catch (error) {
    return { messages: {}, failure: describeError(error) };
  }
}

async function callStream(step: StreamStep, transport: Transport, variables: Variables): Promise<Answer> {
  const method = methods.find(({ name }) => name === step.method);
  if (method?.methodKind !== "bidi_streaming") throw new Error(`${step.method} is no stream`);
  const requests = step.requests.map((request) => fromJson<DescMessage>(method.input, filledIn(request, variables)));
  const messages: JsonValue[] = [];
  try {
    const input = Readable.from(requests);
    const answers = await transport.stream<DescMessage, DescMessage>(method, undefined, deadlineMs, undefined, input);
    for await (const message of answers.message) messages.push(asJson(method.output, message));
    return { messages, failure: undefined };
  } catch (error) {
    return { messages, failure: describeError(error) };
  }
}

function asJson(type: DescMessage, message: Message): JsonValue {
  return toJson(type, message, { useProtoFieldName: true });
}

function errorDifference(
  expected: ExpectedError | undefined,
  failure: SeenError | undefined,
  variables: Variables,
): string | undefined {
  if (expected === undefined) return failure && `expected an answer, got ${JSON.stringify(failure)}`;
  if (failure === undefined) return `expected ${expected.reason}, got an answer`;
  const { reason, domain, violations, metadata } = failure;
  const seen = { code: codeName(failure.code), reason, domain, violations, metadata };
  return difference(
    filledIn({ ...expected, domain: errorDomain }, variables),
    JSON.parse(JSON.stringify(seen)),
    "error",
  );
}

/** Looks at the values that must be there, and keeps those that later steps ask for. */
function takeValues(
  { present, differs, save }: Pick<Step, "present" | "differs" | "save">,
  messages: JsonValue,
  variables: Map<string, string>,
): string | undefined {
  for (const path of present) {
    if (isDefault(valueAt(messages, path))) return `${path}: expected something, got nothing`;
  }
  for (const [path, text] of Object.entries(differs)) {
    const value = valueAt(messages, path);
    if (isDefault(value)) return `${path}: expected something, got nothing`;
    if (value === fillIn(text, variables)) return `${path}: expected something else than ${JSON.stringify(value)}`;
  }
  for (const [name, path] of Object.entries(save)) {
    const value = valueAt(messages, path);
    if (typeof value !== "string" || isDefault(value)) return `${path}: expected a string to save as ${name}`;
    variables.set(name, value);
  }
  return undefined;
}
