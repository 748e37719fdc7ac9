/** The failures of an attempt to run a script. */

/** The first word of an error reply of Redis; undefined for any other failure. */
export function replyCode(error: unknown): string | undefined {
  return error instanceof Error && error.name === "ReplyError" ? error.message.split(" ", 1)[0] : undefined;
}

/** The replies if a script may not run a command, because of an ACL or because it was renamed. */
const forbiddenInScript = /can't run this command or subcommand|ACL failure in script|Unknown Redis command/;

/** Whether Redis replied that the user may not run a command or use a key. */
export function isForbidden(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return replyCode(error) === "NOPERM" || (replyCode(error) === "ERR" && forbiddenInScript.test(error.message));
}

/** Whether Redis refused to select a database. ioredis would continue in database 0. */
export function isRefusedSelect(error: Error): boolean {
  const command: unknown = "command" in error ? error.command : undefined;
  return typeof command === "object" && command !== null && "name" in command && command.name === "select";
}

/** The first match among an error and its causes. */
export function findCause(error: unknown, matches: (error: unknown) => boolean): Error | undefined {
  for (let each = error; each instanceof Error; each = each.cause) if (matches(each)) return each;
  return undefined;
}

/** The attempt was not sent. */
export class NotSentError extends Error {
  override readonly name = "NotSentError";
}

/** Another server answers at an address than expected. */
export class WrongServerError extends Error {
  override readonly name = "WrongServerError";
  /** Whether an entry of --redis-nat-map leads there, which will not change; else the address may have been reassigned. */
  readonly mapped: boolean;

  constructor(message: string, mapped: boolean) {
    super(message);
    this.mapped = mapped;
  }
}

/** The attempt was sent, and its outcome is unknown. */
export class UnansweredError extends Error {
  override readonly name = "UnansweredError";
  /** The time of `performance.now()` after which the attempt cannot be applied any more. */
  readonly overAt: number;

  constructor(message: string, overAt: number, options?: ErrorOptions) {
    super(message, options);
    this.overAt = overAt;
  }
}

/** Redis has applied nothing of an attempt, and the call has to be made in another way. */
abstract class NotAppliedError extends Error {
  /** Whether an earlier attempt may have been applied. */
  readonly repeated: boolean;

  constructor(message: string, repeated: boolean) {
    super(message);
    this.repeated = repeated;
  }
}

/** Redis cannot run a script over several keys, because their slot is moving. */
export class SlotMovingError extends NotAppliedError {
  override readonly name = "SlotMovingError";

  constructor(repeated: boolean) {
    super("the slot is on the move", repeated);
  }
}

/** The store's configuration is another one than the call was made for. */
export class StaleConfigurationError extends NotAppliedError {
  override readonly name = "StaleConfigurationError";

  constructor(repeated: boolean) {
    super("the configuration of the store changes again and again", repeated);
  }
}
