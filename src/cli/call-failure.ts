import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.js";
import { CliError } from "./cli-error.ts";

/** `INVALID_ARGUMENT`, as in google.rpc.Code. */
export function codeName(code: Code): string {
  const name = Code[code] ?? String(code);
  return name === "Canceled" ? "CANCELLED" : name.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}

/** What a call failed with, on one line: who reads it knows which server was called. */
export function failureText(error: ConnectError): string {
  const [info] = error.findDetails(ErrorInfoSchema);
  const [firstLine = ""] = error.rawMessage.split("\n", 1);
  return info === undefined ? firstLine : `${codeName(error.code)} ${info.reason}: ${firstLine}`;
}

/** Tells what a call to `server` failed with, and what to do where that is known. */
export function callFailure(failure: unknown, server: string): CliError {
  const error = ConnectError.from(failure);
  const [info] = error.findDetails(ErrorInfoSchema);
  if (info === undefined && /certificate/i.test(error.rawMessage)) {
    const [what] = error.rawMessage.split(";", 1);
    return new CliError(
      `cannot reach ${server}: ${what}; --ca names who signs the server's certificate, --cert and --key show one of your own`,
    );
  }
  if (info === undefined && error.code === Code.Unavailable) {
    return new CliError(`cannot reach ${server}: is a server running there? Start one with: rollcall serve`);
  }
  const reason = info === undefined ? codeName(error.code) : `${codeName(error.code)} ${info.reason}`;
  const violations = error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
  const lines = violations.map(({ field, description }) => `\n  ${field}: ${description}`);
  return new CliError(lines.length > 0 ? `${reason}${lines.join("")}` : `${reason}: ${error.rawMessage}`);
}
