/**
 * Errors that arise outside of handlers, restated as the contract promises them: a message or a timeout that cannot be read,
 * a message that is too large, a deadline that has passed.
 */
import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { Code, type ConnectError } from "@connectrpc/connect";
import { UserError } from "../users/errors.ts";
import { describeError, messageTooLarge } from "./errors.ts";
import { LimitCause } from "./messages/envelopes.ts";
import { unreadable } from "./messages/unreadable.ts";

/** What callers are told outside of handlers. */
export interface RaisedErrors {
  /**
   * Changes an error that the server or Connect has raised.
   *
   * @param method the one that was called
   */
  readonly restate: (error: ConnectError, method: DescMethod) => void;
  readonly noSuchMethod: ConnectError;
}

/** As the contract promises them, with a reason in their details. */
export const contractErrors: RaisedErrors = {
  restate,
  noSuchMethod: describeError(
    new UserError(
      "NOT_IMPLEMENTED",
      "no such method; the methods are those of rollcall.v1.UserService, as /rollcall.v1.UserService/GetUser",
    ),
  ),
};

function restate(error: ConnectError, method: DescMethod): void {
  if (error.details.length > 0) return;
  const restated = inContractTerms(error, method);
  if (restated === undefined) return;
  const { code, message, rawMessage, details } = restated;
  Object.assign(error, { code, message, rawMessage, details, cause: undefined });
}

function inContractTerms({ code, rawMessage, cause }: ConnectError, method: DescMethod): ConnectError | undefined {
  switch (code) {
    case Code.DeadlineExceeded:
      return describeError(deadlineExceeded(method));
    case Code.ResourceExhausted:
      // Connect's own errors are about its readMaxBytes, which is the general limit.
      return messageTooLarge(cause instanceof LimitCause ? cause.limit : "maxRequestBytes");
    case Code.InvalidArgument:
      return describeError(unreadableTimeout(rawMessage) ?? unreadable(rawMessage, method.input));
    case Code.Internal:
      if (rawMessage.startsWith("parse binary:") || rawMessage === "decompression failed") {
        return describeError(unreadable(rawMessage, method.input));
      }
      // A compressed message without the name of its compression is INTERNAL by the rules of gRPC and Connect.
      return rawMessage.startsWith("received compressed envelope")
        ? describeError(new UserError("MALFORMED_REQUEST", rawMessage), Code.Internal)
        : undefined;
    default:
      return undefined;
  }
}

function deadlineExceeded({ idempotency }: DescMethod): UserError {
  const isRead = idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  const message = "the deadline passed before the answer was there";
  return new UserError("DEADLINE_EXCEEDED", isRead ? message : `${message}; a write may have been applied`);
}

const timeoutErrors = {
  grpc: "the header grpc-timeout cannot be read: it is up to 8 digits and one of H, M, S, m, u and n, as 500m",
  connect: "the header connect-timeout-ms cannot be read: it is up to 10 digits",
} as const;

/** @param libraryMessage of Connect, as in its parse-timeout.js */
function unreadableTimeout(libraryMessage: string): UserError | undefined {
  const [, protocol] = /^protocol error: invalid (grpc|connect) timeout value/.exec(libraryMessage) ?? [];
  if (protocol !== "grpc" && protocol !== "connect") return undefined;
  return new UserError("MALFORMED_REQUEST", timeoutErrors[protocol]);
}
