import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.js";
import { ConnectionFailure } from "../client/connection-failures.ts";
import { ForeignAnswer } from "../client/foreign-answers.ts";
import { CliError } from "./cli-error.ts";

/** As in google.rpc.Code, such as `INVALID_ARGUMENT`. */
export function codeName(code: Code): string {
  const name = Code[code] ?? String(code);
  return name === "Canceled" ? "CANCELLED" : name.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}

/** Why a call failed, on one line, without the server's name. */
export function failureText(error: ConnectError): string {
  if (error.cause instanceof ConnectionFailure) return error.cause.what;
  const [info] = error.findDetails(ErrorInfoSchema);
  const [firstLine = ""] = error.rawMessage.split("\n", 1);
  return info === undefined ? firstLine : `${codeName(error.code)} ${info.reason}: ${firstLine}`;
}

/**
 * Says why a call failed, and what to do if that is known.
 *
 * @param advice sentences to print below the message
 */
export function callFailure(failure: unknown, server: string, advice: readonly string[] = []): CliError {
  const error = ConnectError.from(failure);
  const [info] = error.findDetails(ErrorInfoSchema);
  const unanswered = info === undefined ? withoutAnswer(error, server) : undefined;
  if (unanswered !== undefined) return new CliError(unanswered);
  const reason = info === undefined ? codeName(error.code) : `${codeName(error.code)} ${info.reason}`;
  const violations = error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
  const lines = violations.map(({ field, description }) => `  ${field}: ${description}`);
  if (lines.length > 0) return new CliError(reason, 1, lines);
  const hint = error.code === Code.Unauthenticated ? " (--token or ROLLCALL_TOKEN says who is calling)" : "";
  return new CliError(
    `${reason}: ${error.rawMessage}${hint}`,
    1,
    advice.map((sentence) => `  ${sentence}`),
  );
}

/** Why there was no answer of Rollcall; undefined if nothing more is known. */
function withoutAnswer(error: ConnectError, server: string): string | undefined {
  const { cause, code } = error;
  if (cause instanceof ForeignAnswer) return `${server} ${cause.message}`;
  if (cause instanceof ConnectionFailure) return `cannot reach ${server}: ${cause.message}`;
  if (code === Code.DeadlineExceeded) {
    return `${server} has not answered in time: does Rollcall listen there, and is its store reachable?`;
  }
  if (code !== Code.Unavailable) return undefined;
  return `cannot reach ${server}: ${failureText(error)}; is a server running there? Start one with: rollcall serve`;
}
