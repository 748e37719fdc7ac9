/** What can become of one attempt to run a script, beside an answer. */

/** The first word of an error that Redis answered with; undefined for any other failure. */
export function replyCode(error: unknown): string | undefined {
  return error instanceof Error && error.name === "ReplyError" ? error.message.split(" ", 1)[0] : undefined;
}

/** The attempt never left. */
export class NotSentError extends Error {
  override readonly name = "NotSentError";
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
