/** A failure that is told in one message, without a stack trace. Each text is printed on one line. */
export class CliError extends Error {
  override readonly name = "CliError";
  /** What the process ends with. */
  readonly exitStatus: number;

  /** Lines below the message. */
  readonly details: readonly string[];

  constructor(message: string, exitStatus = 1, details: readonly string[] = []) {
    super(message);
    this.exitStatus = exitStatus;
    this.details = details;
  }
}
