/** A failure that is reported by its message alone, without a stack trace. Each text is printed on one line. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitStatus: number;

  /** Lines printed below the message. */
  readonly details: readonly string[];

  constructor(message: string, exitStatus = 1, details: readonly string[] = []) {
    super(message);
    this.exitStatus = exitStatus;
    this.details = details;
  }
}
