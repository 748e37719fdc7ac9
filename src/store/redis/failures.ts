/** What can become of one attempt to run a script, beside an answer. */

/** The first word of an error that Redis answered with; undefined for any other failure. */
export function replyCode(error: unknown): string | undefined {
  return error instanceof Error && error.name === "ReplyError" ? error.message.split(" ", 1)[0] : undefined;
}

/** How Redis says that a script may not run one of its commands, by an ACL or because it was renamed. */
const forbiddenInScript = /can't run this command or subcommand|ACL failure in script|Unknown Redis command/;

/** Whether Redis answered that its user may not run a command or use a key. */
export function isForbidden(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return replyCode(error) === "NOPERM" || (replyCode(error) === "ERR" && forbiddenInScript.test(error.message));
}

/** Whether Redis refused to choose a database. ioredis goes on without it, in database 0. */
export function isRefusedSelect(error: Error): boolean {
  const command: unknown = "command" in error ? error.command : undefined;
  return typeof command === "object" && command !== null && "name" in command && command.name === "select";
}

/** The first failure for which `matches` holds, of an error and those that caused it. */
export function findCause(error: unknown, matches: (error: unknown) => boolean): Error | undefined {
  for (let each = error; each instanceof Error; each = each.cause) if (matches(each)) return each;
  return undefined;
}

/** The attempt never left. */
export class NotSentError extends Error {
  override readonly name = "NotSentError";
}

/** What answers at an address is not the server that is meant to be there. */
export class WrongServerError extends Error {
  override readonly name = "WrongServerError";
  /** Whether an entry of --redis-nat-map leads there, which stays so; else the address may have passed to another. */
  readonly mapped: boolean;

  constructor(message: string, mapped: boolean) {
    super(message);
    this.mapped = mapped;
  }
}

/** The attempt left, and nobody knows what became of it. */
export class UnansweredError extends Error {
  override readonly name = "UnansweredError";
  /** The time of `performance.now()` from which on the attempt, if it has not been applied, no longer is. */
  readonly overAt: number;

  constructor(message: string, overAt: number, options?: ErrorOptions) {
    super(message, options);
    this.overAt = overAt;
  }
}

/** Redis answers that it cannot tell whether the keys, several of them, are still here: their slot is on the move. */
export class SlotMovingError extends Error {
  override readonly name = "SlotMovingError";
  /** Whether an attempt before may have been applied. */
  readonly repeated: boolean;

  constructor(repeated: boolean) {
    super("the slot is on the move");
    this.repeated = repeated;
  }
}
