/** Finds and counts users by their indexed values. */
import { failureOfRead, indexNotReady, storeUnavailable } from "../errors.ts";
import { entryPrefix, type IndexedUser } from "../indexes/entries.ts";
import { indexedValueOf } from "../indexes/index-value.ts";
import type { Index } from "../indexes/indexed-property.ts";
import { parsePageSize } from "../page-size.ts";
import { allValid, Invalid, type Parsed } from "../parsed.ts";
import { parseNames } from "../property-names.ts";
import { type AnswerSize, frameBytes, readWhatFits, selector } from "../reading.ts";
import type { Page } from "../registry.ts";
import type { StoredUser, UserStore } from "../store.ts";
import { maxFollowedChanges, type StoreConfiguration } from "../store-configuration.ts";
import { knownConfiguration } from "./known-configuration.ts";
import { type Match, type MatchInput, type ParsedMatch, parseMatch, resolveMatch } from "./match.ts";
import { foreignToken, formatToken, parseToken, type TokenScope } from "./page-token.ts";

export interface FindUsersInput {
  readonly match?: MatchInput | undefined;
  /** Zero for the default. */
  readonly pageSize: number;
  /** Empty for the first page. */
  readonly pageToken: string;
  /** Names as UTF-8; empty for all properties. */
  readonly onlyProperties: readonly Uint8Array[];
}

export interface CountUsersInput {
  /** Undefined for all users. */
  readonly match?: MatchInput | undefined;
}

/** A match, and the configuration of the store that has its index. */
interface ReadyMatch extends Match {
  readonly configuration: StoreConfiguration;
}

const indexNumberBytes = 2;

export async function findUsers(
  store: UserStore,
  { match, pageSize, pageToken, onlyProperties }: FindUsersInput,
  sizeOf: AnswerSize,
  signal?: AbortSignal,
): Promise<Page> {
  const [parsed, count, names] = allValid(
    parseMatch(match),
    parsePageSize(pageSize),
    parseNames(onlyProperties, "only_properties"),
  );
  return withIndex(store, parsed, signal, async (ready) => {
    const { index, prefix, configuration } = ready;
    const scope = tokenScope(ready);
    const [after] = allValid(parsePlace(ready, scope, pageToken));
    const found = await store.entries({ prefix, after }, count + 1, configuration.generation, signal);
    if (found === undefined) return undefined;
    const entries = found.slice(0, count);
    const reading = await readWhatFits(
      store,
      entries.map(({ id }) => id),
      {
        select: selector(names),
        sizeOf,
        alreadyRead: entries.map(({ user }) => user),
        // Somebody may have changed the user since the entry was read.
        isWanted: (user, at) => hasValue(user, index, entries[at]),
        besideBytes: frameBytes,
        signal,
      },
    );
    const { users, readCount } = reading;
    const last = readCount < found.length ? entries[readCount - 1] : undefined;
    const nextPageToken = last === undefined ? "" : formatToken(scope, placeOf(last));
    return { users, damagedCount: reading.damaged.length, nextPageToken };
  });
}

export async function countUsers(store: UserStore, { match }: CountUsersInput, signal?: AbortSignal): Promise<number> {
  if (match === undefined) return store.count(signal);
  const [parsed] = allValid(parseMatch(match));
  return withIndex(store, parsed, signal, ({ prefix, configuration }) =>
    store.countEntries(prefix, configuration.generation, signal),
  );
}

/**
 * Searches by the index of a match, and again if the store's configuration changes meanwhile.
 *
 * @param search resolves with undefined if the store has another configuration
 * @throws UserError PROPERTY_NOT_INDEXED, INDEX_NOT_READY, INVALID_MATCH
 */
async function withIndex<Result>(
  store: UserStore,
  parsed: ParsedMatch,
  signal: AbortSignal | undefined,
  search: (match: ReadyMatch) => Promise<Result | undefined>,
): Promise<Result> {
  for (let changes = 0; changes <= maxFollowedChanges; changes++) {
    const configuration = knownConfiguration(store);
    const [match] = allValid(resolveMatch(parsed, configuration.indexes));
    if (match.index.state !== "ready") throw indexNotReady(await store.progress(signal));
    const result = await search({ ...match, configuration });
    if (result !== undefined) return result;
  }
  throw failureOfRead(storeUnavailable(new Error("the store's configuration changes again and again")));
}

function hasValue(user: StoredUser, index: Index, entry: IndexedUser | undefined): boolean {
  const value = indexedValueOf(user.properties, index);
  return value instanceof Uint8Array && entry !== undefined && Buffer.compare(value, entry.value) === 0;
}

/** Without the number of the index, which changes when the index is built anew. */
function tokenScope({ index, prefix, configuration }: ReadyMatch): TokenScope {
  const search = Buffer.concat([
    Buffer.from(`${index.property}\0${index.folded ? "fold" : ""}\0`),
    prefix.subarray(indexNumberBytes),
  ]);
  return { method: "find", storeId: configuration.storeId, search };
}

/** @returns the entry of which the token tells; undefined for the first page */
function parsePlace({ index, prefix }: ReadyMatch, scope: TokenScope, token: string): Parsed<Uint8Array | undefined> {
  const place = parseToken(scope, token);
  if (place === undefined || place instanceof Invalid) return place;
  const entry = entryPrefix(index.number, place);
  return prefix.every((byte, at) => byte === entry[at]) ? entry : foreignToken(scope);
}

/** An entry without the number of its index. */
function placeOf({ value, id }: IndexedUser): Uint8Array {
  return Buffer.concat([value, Buffer.from(id, "utf8")]);
}
