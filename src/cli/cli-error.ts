/** A failure that is told in one message, without a stack trace. */
export class CliError extends Error {
  override readonly name = "CliError";
  /** What the process ends with. */
  readonly exitStatus: number;

  constructor(message: string, exitStatus = 1) {
    super(message);
    this.exitStatus = exitStatus;
  }
}
