import { Code, ConnectError } from "@connectrpc/connect";
import { BatchReport } from "#gen/rollcall/v1/user_service_pb.js";
import { limits } from "../users/limits.ts";
import { type Backoff, backoffMs, systemTiming, type Timing } from "./backoff.ts";
import { chunkAnswers } from "./chunk-answers.ts";
import { ChunkWindow, type UserSource } from "./chunk-window.ts";
import type { RollcallClient } from "./client.ts";
import { canceledBy, failureOfCall, isTransient, RollcallError, rollcallErrorOf } from "./errors.ts";
import { type ImportCallbacks, type ImportCounts, ImportTally } from "./import-tally.ts";
import { maxItemBytes, type UserToImport } from "./write-identify.ts";

export interface ImportOptions<Kept> extends ImportCallbacks<Kept> {
  /** Only validate: the server reports what each write would do, and stores nothing. Default: false. */
  readonly validateOnly?: boolean | undefined;
  /** Ends the import with ImportInterrupted. */
  readonly signal?: AbortSignal | undefined;
  /** The most users in one message, up to 1,000. Default: 500; over HTTP/1.1, 1,000. */
  readonly chunkUsers?: number | undefined;
  /** The most bytes in one message; a larger user gets a message of its own. Default: 128 KiB; over HTTP/1.1, 1 MiB. */
  readonly chunkBytes?: number | undefined;
  /** The most unanswered messages, up to 1,000; over HTTP/1.1, those that wait for the next call. Default: 8. */
  readonly chunksInFlight?: number | undefined;
  /**
   * How long the server, its store or the connection may be away, counted from the first failure after an answer. After
   * that the import gives up; 0: at once. Default: five minutes.
   */
  readonly maxDownMs?: number | undefined;
  /**
   * Called for each failure that the import waits after, with how long it waits. The next `onProgress` says that it goes on.
   */
  readonly onWaiting?: ((failure: RollcallError, delayMs: number) => void) | undefined;
}

export interface KeepOption<Item, Kept> {
  /**
   * Chooses what to keep of an item for the callbacks, so that large items need not stay in memory. Called for each item
   * in order, once it is encoded. Default: the item.
   */
  readonly keep: (item: Item) => Kept;
}

/** The import ended before all items were answered. */
export class ImportInterrupted<Kept> extends Error {
  override readonly name = "ImportInterrupted";
  override readonly cause: RollcallError;
  readonly counts: ImportCounts;
  /** The first unanswered item; undefined if none had been read. It and some that follow may be stored. */
  readonly firstUnanswered: Kept | undefined;

  constructor(cause: RollcallError, counts: ImportCounts, firstUnanswered: Kept | undefined) {
    super(cause.message);
    this.cause = cause;
    this.counts = counts;
    this.firstUnanswered = firstUnanswered;
  }
}

/** A few such messages fit into a stream's flow-control window, so that neither side waits for the other. */
const defaults = { chunkUsers: 500, chunkBytes: 128 * 1024, chunksInFlight: 8, maxDownMs: 5 * 60_000 } as const;
/** Over HTTP/1.1, one message is under way at a time: larger ones lose less time between an answer and the next one. */
const maxCallBytes = 1024 * 1024;
const reconnecting: Backoff = { baseDelayMs: 100, maxDelayMs: 10_000 };

/**
 * Imports users through BatchIdentify, in the order of the source, a few chunks at a time. Where the connection is HTTP/1.1, it
 * calls IdentifyUsers, with one message after the other. It reads the source only while there is room, so that its memory does
 * not grow with the source.
 *
 * When the server, its store or the connection is away (UNAVAILABLE, or RESOURCE_EXHAUSTED with an invitation to retry), it
 * waits, reconnects and resends every chunk from the first unanswered one on. Items that had been stored then count as
 * unchanged, and a precondition may fail because of the item's own first write. For a caller without the scope `users.read`,
 * all items that are not refused count as applied.
 *
 * When its credentials expire or are revoked, it gets the token again and reconnects once.
 *
 * Answers come in order. After each, the first `answered` items of the source are stored, unchanged or refused, so that a
 * later import can resume after them.
 *
 * An error of the source is thrown once everything before it is answered; an error of a callback, at once.
 *
 * @param source each item is encoded when it is read. Items may have further fields, which are not sent
 * @throws ImportInterrupted if the server refuses the whole import, is away for too long or `signal` is aborted; RangeError
 * for options out of range
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
  const callLimits = {
    maxItems: options.chunkUsers ?? limits.maxBatchItems,
    maxBytes: options.chunkBytes ?? maxCallBytes,
  };
  const tally = new ImportTally(options);
  let failures = 0;
  let downSince: number | undefined;
  /** Whether the last stream got an answer: its credentials were valid, and may be again. */
  let wasAnswered = false;

  /** Resolves to the failure that ended the stream early, if any. */
  const stream = async (): Promise<RollcallError | undefined> => {
    wasAnswered = false;
    const over = new AbortController();
    const either = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]);
    const messages = { forStream: () => window.messages(either), forCalls: () => window.messages(either, callLimits) };
    const answers = chunkAnswers(client, messages, either);
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
      const mayPass = isTransient(failure) || failure.code === Code.DeadlineExceeded || hasExpired;
      if (!mayPass || now() + delayMs - downSince >= maxDownMs) throw interrupted(failure);
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
  return rollcallErrorOf(new ConnectError("the stream ended before all items were answered", Code.Unavailable));
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
