import { Code, ConnectError } from "@connectrpc/connect";
import { BatchReport } from "#gen/rollcall/v1/user_service_pb.js";
import { limits } from "../users/limits.ts";
import { type Backoff, backoffMs, systemTiming, type Timing } from "./backoff.ts";
import { ChunkWindow, type UserSource } from "./chunk-window.ts";
import type { RollcallClient } from "./client.ts";
import { canceledBy, failureOfCall, isTransient, RollcallError, rollcallErrorOf } from "./errors.ts";
import { type ImportCallbacks, type ImportCounts, ImportTally } from "./import-tally.ts";
import { maxItemBytes, type UserToImport } from "./write-identify.ts";

export interface ImportOptions<Kept> extends ImportCallbacks<Kept> {
  /** Let the server say what would be, and write nothing. Default: false. */
  readonly validateOnly?: boolean | undefined;
  /** Ends the import: with ImportInterrupted. */
  readonly signal?: AbortSignal | undefined;
  /** Users in one message, up to 1,000. Default: 500. */
  readonly chunkUsers?: number | undefined;
  /** Bytes of one message, as far as one user alone has no more. Default: 128 KiB. */
  readonly chunkBytes?: number | undefined;
  /** Messages that are read and not yet answered. Default: 8. */
  readonly chunksInFlight?: number | undefined;
  /**
   * How long the server, its store or the connection may be away, counted from the first failure after an answer, before
   * the import gives up; 0: it gives up at once. Default: five minutes.
   */
  readonly maxDownMs?: number | undefined;
  /**
   * Called for each failure after which the import waits and tries again, with how long it waits; `onProgress`, once it is
   * answered again.
   */
  readonly onWaiting?: ((failure: RollcallError, delayMs: number) => void) | undefined;
}

export interface KeepOption<Item, Kept> {
  /**
   * What is kept of an item until it is answered, and given to the callbacks then: so that of large items only what tells
   * them apart takes memory. It is called once an item has been encoded, in order. Default: the item.
   */
  readonly keep: (item: Item) => Kept;
}

/** The import ended before everything was answered. */
export class ImportInterrupted<Kept> extends Error {
  override readonly name = "ImportInterrupted";
  override readonly cause: RollcallError;
  readonly counts: ImportCounts;
  /** The first item without an answer; undefined if none had been read. It and some that follow may be stored. */
  readonly firstUnanswered: Kept | undefined;

  constructor(cause: RollcallError, counts: ImportCounts, firstUnanswered: Kept | undefined) {
    super(cause.message);
    this.cause = cause;
    this.counts = counts;
    this.firstUnanswered = firstUnanswered;
  }
}

/** A few messages fit into what a server lets a stream send ahead, so that neither side waits for the other. */
const defaults = { chunkUsers: 500, chunkBytes: 128 * 1024, chunksInFlight: 8, maxDownMs: 5 * 60_000 } as const;
const reconnecting: Backoff = { baseDelayMs: 100, maxDelayMs: 10_000 };

/**
 * Imports users through BatchIdentify, in the order of the source, in chunks of which a few are under way at a time: what
 * it holds does not grow with the source, which is read only while there is room.
 *
 * When the server, its store or the connection is away (UNAVAILABLE, and RESOURCE_EXHAUSTED where the server invites a
 * retry), it waits, connects again and sends every chunk from the first unanswered one again, in order. An item that had
 * been stored by then counts as unchanged, and one with a precondition may be refused for what it itself wrote. For a caller
 * without the scope `users.read`, all that is not refused counts as applied.
 *
 * Where its credentials expire or are revoked on the way, it asks for the token and connects once more.
 *
 * Answers come in order: after each, every item of the source up to the last of its chunk is stored, unchanged or refused,
 * and `answered` is how many items that is. Whoever keeps that number can go on from there with a later import.
 *
 * What the source throws comes out as it is, once everything before it has been answered; what a callback throws, at once.
 *
 * @param source each item is encoded when it is read. Items may have more fields than are sent, to be known by later
 * @throws ImportInterrupted if the server refuses the import as a whole, or is away for too long; RangeError for options
 */
export function importUsers<Item extends UserToImport, Kept>(
  client: RollcallClient,
  source: UserSource<Item>,
  options: ImportOptions<Kept> & KeepOption<Item, Kept>,
  timing?: Timing,
): Promise<ImportCounts>;
export function importUsers<Item extends UserToImport>(
  client: RollcallClient,
  source: UserSource<Item>,
  options: ImportOptions<Item>,
  timing?: Timing,
): Promise<ImportCounts>;
export async function importUsers(
  client: RollcallClient,
  source: UserSource<UserToImport>,
  options: ImportOptions<unknown> & Partial<KeepOption<UserToImport, unknown>>,
  { now, random, wait }: Timing = systemTiming,
): Promise<ImportCounts> {
  const { signal, maxDownMs = defaults.maxDownMs } = options;
  const window = openWindow(source, options);
  const tally = new ImportTally(options);
  let failures = 0;
  let downSince: number | undefined;
  /** Whether the last stream has been answered anything: its credentials were valid, and may be again. */
  let wasAnswered = false;

  /** Resolves to what ended the stream before everything was answered. */
  const stream = async (): Promise<RollcallError | undefined> => {
    wasAnswered = false;
    const over = new AbortController();
    const either = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]);
    const answers = client.batchIdentify(window.messages(), { signal: either })[Symbol.asyncIterator]();
    try {
      for (;;) {
        const answer = await answers.next().catch((error: unknown) => failureOfCall(error, signal));
        if (answer instanceof RollcallError) return answer;
        if (answer.done === true) return window.isDone ? undefined : endedEarly();
        wasAnswered = true;
        failures = 0;
        downSince = undefined;
        const chunk = window.shift();
        if (chunk !== undefined) tally.add(chunk, answer.value);
      }
    } finally {
      over.abort();
    }
  };

  try {
    for (;;) {
      const failure = await stream();
      if (failure === undefined) break;
      const interrupted = (cause: RollcallError) => new ImportInterrupted(cause, tally.counts, window.firstUnanswered);
      if (signal?.aborted === true) throw interrupted(canceledBy(signal));
      downSince ??= now();
      const delayMs = backoffMs(reconnecting, ++failures, failure.retryDelayMs ?? 0, random);
      const hasExpired = wasAnswered && failure.reason === "CREDENTIALS_INVALID";
      if (!(isTransient(failure) || hasExpired) || now() + delayMs - downSince >= maxDownMs) throw interrupted(failure);
      options.onWaiting?.(failure, delayMs);
      await wait(delayMs, signal).catch((stopped: unknown) => {
        throw signal?.aborted === true ? interrupted(canceledBy(signal)) : stopped;
      });
    }
  } finally {
    window.close();
  }
  if (window.failure !== undefined) throw window.failure.error;
  return tally.counts;
}

function endedEarly(): RollcallError {
  return rollcallErrorOf(new ConnectError("the stream ended before everything was answered", Code.Unavailable));
}

function openWindow(
  source: UserSource<UserToImport>,
  options: ImportOptions<unknown> & Partial<KeepOption<UserToImport, unknown>>,
): ChunkWindow<UserToImport, unknown> {
  const { chunkUsers, chunkBytes, chunksInFlight, onResult, validateOnly = false, keep = (item) => item } = options;
  return new ChunkWindow(source, within("chunksInFlight", chunksInFlight, 1_000), {
    keep,
    maxItems: within("chunkUsers", chunkUsers, limits.maxBatchItems),
    maxBytes: within("chunkBytes", chunkBytes, maxItemBytes),
    report: onResult === undefined ? BatchReport.FAILURES : BatchReport.ALL,
    validateOnly,
  });
}

function within(name: keyof typeof defaults, value: number = defaults[name], most: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new RangeError(`${name}: expected a whole number from 1 to ${most}`);
}
