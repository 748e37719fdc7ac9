import type { JsonObject } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import type { IdentifyError } from "#gen/rollcall/v1/user_service_pb.js";
import type { UserClient } from "./client.ts";

/** One user to import. */
export interface ImportItem<Position> {
  /** Where the user comes from, for reports: a line number, say. */
  readonly position: Position;
  readonly id: string;
  readonly properties: JsonObject;
  /** About how many bytes the user has. */
  readonly size: number;
}

export interface ImportCounts {
  created: number;
  updated: number;
  unchanged: number;
  failed: number;
}

export interface ImportOptions<Position> {
  /** Called for each user that the server refused. */
  readonly onRefused: (position: Position, error: IdentifyError) => void;
  /** Called after each answer with the counts so far. */
  readonly onProgress?: (counts: Readonly<ImportCounts>) => void;
  readonly signal?: AbortSignal;
}

/** The import ended before everything was answered. */
export class ImportInterrupted<Position> extends Error {
  override readonly name = "ImportInterrupted";
  readonly counts: Readonly<ImportCounts>;
  /** The first user without an answer; undefined if none was sent. It and what follows may or may not be stored. */
  readonly firstUnanswered: Position | undefined;

  constructor(cause: ConnectError, counts: ImportCounts, firstUnanswered: Position | undefined) {
    super(cause.message, { cause });
    this.counts = counts;
    this.firstUnanswered = firstUnanswered;
  }
}

const maxChunkUsers = 500;
const maxChunkBytes = 512 * 1024;
/** Chunks that are sent and not yet answered. */
const maxChunksInFlight = 8;

/**
 * Imports users through BatchIdentify, in order, a few chunks at a time: what it holds does not grow with the source.
 *
 * @throws ImportInterrupted if the server or the connection fails; what the source throws
 */
export async function importUsers<Position>(
  client: UserClient,
  source: AsyncIterable<ImportItem<Position>>,
  options: ImportOptions<Position>,
): Promise<ImportCounts> {
  const counts: ImportCounts = { created: 0, updated: 0, unchanged: 0, failed: 0 };
  const unanswered: Position[][] = [];
  let room = Promise.withResolvers<void>();
  let sourceFailure: { error: unknown } | undefined;

  // What the call throws into `requests` when it fails is no failure of the source, and does not get in here.
  async function* watchedSource() {
    try {
      yield* source;
    } catch (error) {
      sourceFailure = { error };
      throw error;
    }
  }
  async function* requests() {
    for await (const chunk of inChunks(watchedSource())) {
      while (unanswered.length >= maxChunksInFlight) await room.promise;
      unanswered.push(chunk.map(({ position }) => position));
      yield { requests: chunk.map(({ id, properties }) => ({ id, properties })) };
    }
  }

  try {
    const signal = options.signal === undefined ? {} : { signal: options.signal };
    for await (const answer of client.batchIdentify(requests(), signal)) {
      const positions = unanswered.shift() ?? [];
      room.resolve();
      room = Promise.withResolvers<void>();
      counts.created += answer.created;
      counts.updated += answer.updated;
      counts.unchanged += answer.unchanged;
      counts.failed += answer.failed;
      for (const { index, error } of answer.results) {
        const position = positions[index];
        if (error !== undefined && position !== undefined) options.onRefused(position, error);
      }
      options.onProgress?.(counts);
    }
  } catch (error) {
    if (sourceFailure !== undefined) throw sourceFailure.error;
    throw new ImportInterrupted(ConnectError.from(error), counts, unanswered[0]?.[0]);
  }
  return counts;
}

async function* inChunks<Position>(
  source: AsyncIterable<ImportItem<Position>>,
): AsyncGenerator<ImportItem<Position>[]> {
  let chunk: ImportItem<Position>[] = [];
  let size = 0;
  for await (const item of source) {
    if (chunk.length >= maxChunkUsers || (chunk.length > 0 && size + item.size > maxChunkBytes)) {
      yield chunk;
      chunk = [];
      size = 0;
    }
    chunk.push(item);
    size += item.size;
  }
  if (chunk.length > 0) yield chunk;
}
