/** Reads all users, and returns those that a filter wants. */
import { isDamaged } from "../damaged.ts";
import { limits } from "../limits.ts";
import { parsePageSize } from "../page-size.ts";
import { allValid, Invalid, type Parsed } from "../parsed.ts";
import { parseNames } from "../property-names.ts";
import { type AnswerSize, frameBytes, selector, type UserView } from "../reading.ts";
import type { Page } from "../registry.ts";
import type { UserStore } from "../store.ts";
import { parseUserId, type UserId } from "../user-id.ts";
import { type FilterInput, parseFilter } from "./filter.ts";
import { knownConfiguration } from "./known-configuration.ts";
import { foreignToken, formatToken, parseToken, type TokenScope } from "./page-token.ts";

export interface ScanUsersInput {
  readonly where?: FilterInput | undefined;
  /** Zero for the default. */
  readonly pageSize: number;
  /** Empty for the first page. */
  readonly pageToken: string;
  /** Names as UTF-8; empty for all properties. */
  readonly onlyProperties: readonly Uint8Array[];
}

export interface ScannedPage extends Page {
  /** How many users were looked at. */
  readonly lookedAt: number;
}

/** How long a page looks at users, in milliseconds. */
const maxPageMs = 50;
/** Users that are read together: fewer at first, while their size is not known. */
const firstUsers = 50;
const maxUsers = 100;
/** About the most bytes that are read together. */
const maxReadBytes = 1024 * 1024;

/** @param now milliseconds of a clock that does not go back */
export async function scanUsers(
  store: UserStore,
  { where, pageSize, pageToken, onlyProperties }: ScanUsersInput,
  sizeOf: AnswerSize,
  { now = () => performance.now(), signal }: { readonly now?: () => number; readonly signal?: AbortSignal | undefined },
): Promise<ScannedPage> {
  const { storeId } = knownConfiguration(store);
  const scope: TokenScope = { method: "scan", storeId, search: new Uint8Array() };
  const [filter, count, place, names] = allValid(
    parseFilter(where),
    parsePageSize(pageSize),
    parsePlace(scope, pageToken),
    parseNames(onlyProperties, "only_properties"),
  );
  const select = selector(names);
  const users: UserView[] = [];
  const endsAt = now() + maxPageMs;
  let after = place;
  let lookedAt = 0;
  let damagedCount = 0;
  let bytes = frameBytes;
  let step = firstUsers;
  const page = (isLast: boolean): ScannedPage => {
    const nextPageToken = isLast || after === undefined ? "" : formatToken(scope, Buffer.from(after, "utf8"));
    return { users, damagedCount, lookedAt, nextPageToken };
  };
  do {
    const ids = await store.list(after, step, signal);
    const found = await store.get(ids, signal);
    let readBytes = 0;
    for (const [at, id] of ids.entries()) {
      const user = found[at];
      if (user !== undefined && isDamaged(user)) damagedCount++;
      else if (user !== undefined) {
        readBytes += user.properties.length + user.preferences.length;
        if (filter(user)) {
          const view = select(user);
          bytes += sizeOf(view);
          if (users.length > 0 && bytes > limits.maxAnswerBytes) return page(false);
          users.push(view);
        }
      }
      after = id;
      lookedAt++;
      if (users.length === count) return page(at === ids.length - 1 && ids.length < step);
    }
    if (ids.length < step) return page(true);
    step = Math.min(nextStep(ids.length, readBytes), limits.maxScannedUsers - lookedAt);
  } while (lookedAt < limits.maxScannedUsers && now() < endsAt);
  return page(false);
}

/** How many users take about as many bytes as may be read together, if they are as large as the last ones. */
function nextStep(users: number, bytes: number): number {
  const perUser = Math.max(1, bytes / users);
  return Math.max(1, Math.min(maxUsers, Math.floor(maxReadBytes / perUser)));
}

/** @returns the last id of the page before; undefined for the first page */
function parsePlace(scope: TokenScope, token: string): Parsed<UserId | undefined> {
  const place = parseToken(scope, token);
  if (place === undefined || place instanceof Invalid) return place;
  const id = parseUserId(place);
  return id instanceof Invalid ? foreignToken(scope) : id;
}
