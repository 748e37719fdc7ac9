import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";

/** An answer in none of Rollcall's protocols, and so not Rollcall's: the `cause` of the call's error. */
export class ForeignAnswer extends Error {
  override readonly name = "ForeignAnswer";
  /** The HTTP status; undefined if the answer is JSON, for which Connect does not tell it. */
  readonly status: number | undefined;

  /** @param what the answer, such as `HTTP 502` */
  constructor(status: number | undefined, what: string, hint: string) {
    super(`answered ${what}, which is not Rollcall's answer: ${hint}`);
    this.status = status;
  }
}

const unreachable = "a proxy in between cannot reach Rollcall";
const refused = "a proxy in between refuses the call";
const notPassedOn = {
  grpc: "a proxy in between does not pass gRPC on to Rollcall (--protocol connect may help), or another server listens there",
  connect: "a proxy in between does not pass the call on to Rollcall, or another server listens there",
} as const;
type Protocol = keyof typeof notPassedOn;

/** The likely reason, by HTTP status. */
const hints: Readonly<Record<number, string>> = {
  401: refused,
  403: refused,
  407: refused,
  429: "a proxy in between limits the number of calls",
  431: "the headers of the call are too large",
  502: unreachable,
  503: unreachable,
  504: unreachable,
};

/** Explains the error of a call whose answer is not of this protocol, and gives it a ForeignAnswer as its cause. */
export function explainForeignAnswers(protocol: Protocol): Interceptor {
  return (next) => async (request) => {
    try {
      return await next(request);
    } catch (failure) {
      throw explained(failure, protocol);
    }
  };
}

/** Reads status and content type from Connect's message, which alone has them. */
function explained(failure: unknown, protocol: Protocol): unknown {
  if (!(failure instanceof ConnectError) || failure.metadata.has("grpc-status")) return failure;
  const { rawMessage, code, metadata, details } = failure;
  const status = Number(/^HTTP (\d{3})$/.exec(rawMessage)?.[1]);
  if (!Number.isNaN(status)) {
    const hint = redirection(status, metadata) ?? hints[status] ?? notPassedOn[protocol];
    return asFailure(new ForeignAnswer(status, rawMessage, hint), code);
  }
  // What Connect makes of JSON that is not an error of its own.
  if (rawMessage === "" && details.length === 0 && failure.cause === undefined) {
    return asFailure(new ForeignAnswer(undefined, "an error in JSON", notPassedOn[protocol]), code);
  }
  const [, contentType] = /^unsupported content type (.*)$/.exec(rawMessage) ?? [];
  if (contentType === undefined) return failure;
  const type = contentType === "null" ? "no content type" : `content type ${contentType.slice(0, 60)}`;
  return asFailure(new ForeignAnswer(200, `HTTP 200 with ${type}`, notPassedOn[protocol]), Code.Unknown);
}

function asFailure(answer: ForeignAnswer, code: Code): ConnectError {
  return new ConnectError(`the server ${answer.message}`, code, undefined, undefined, answer);
}

function redirection(status: number, metadata: Headers): string | undefined {
  if (status < 300 || status >= 400) return undefined;
  const location = metadata.get("location") ?? "";
  const where = URL.canParse(location) ? ` to ${new URL(location).origin}` : "";
  return `it redirects${where}, and calls do not follow redirects: use the URL of Rollcall itself`;
}
