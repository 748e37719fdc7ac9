/** A failure that is told in one message, without a stack trace. */
export class CliError extends Error {
  override readonly name = "CliError";
}
