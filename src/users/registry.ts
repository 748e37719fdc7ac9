/** What the service does with users, independent of protocols and stores. */
import { type DeleteInput, prepareDelete, prepareSetPreferences, type SetPreferencesInput } from "./change-user.ts";
import { isDamaged } from "./damaged.ts";
import {
  failureOfRead,
  limitExceeded,
  storeFull,
  storeUnavailable,
  UserError,
  userDamaged,
  userNotFound,
  type Violation,
} from "./errors.ts";
import { formatPath } from "./field-path.ts";
import { type IdentifyInput, type PreparedIdentify, prepareIdentify, type RequiredProperties } from "./identify.ts";
import { limits } from "./limits.ts";
import { parsePageSize } from "./page-size.ts";
import { formatPageToken, parsePageToken } from "./page-token.ts";
import { allValid, Invalid, type Parsed } from "./parsed.ts";
import { parseNames } from "./property-names.ts";
import { type AnswerSize, frameBytes, readWhatFits, selector, type UserView } from "./reading.ts";
import { refusal } from "./refusal.ts";
import { type CountUsersInput, countUsers, type FindUsersInput, findUsers } from "./search/find.ts";
import { type ScannedPage, type ScanUsersInput, scanUsers } from "./search/scan.ts";
import type { Applied, Progress, UserStore, WriteCommand, WriteOutcome, WriteResult } from "./store.ts";
import type { StoreConfiguration } from "./store-configuration.ts";
import { DecodeBudget } from "./struct/decode.ts";
import { parseUserId, type UserId } from "./user-id.ts";

export type IdentifyOutcome = Exclude<WriteOutcome, "deleted">;

export interface Identified {
  /** Undefined if the caller may not read. */
  readonly user: UserView | undefined;
  readonly outcome: IdentifyOutcome;
  readonly ignored: readonly string[];
}

/** The result of one item of a batch. */
export type BatchItemResult =
  | { readonly outcome: IdentifyOutcome; readonly etag: string; readonly ignored: readonly string[] }
  | { readonly error: UserError };

interface GetUsersInput {
  readonly ids: readonly Uint8Array[];
  /** Names as UTF-8; empty for all properties. */
  readonly onlyProperties: readonly Uint8Array[];
}

export interface UsersFound {
  readonly users: readonly UserView[];
  readonly missingIds: readonly UserId[];
  readonly unreadIds: readonly UserId[];
  readonly damagedIds: readonly UserId[];
}

interface ListUsersInput {
  /** Zero for the default. */
  readonly pageSize: number;
  /** Empty for the first page. */
  readonly pageToken: string;
  /** Names as UTF-8; empty for all properties. */
  readonly onlyProperties: readonly Uint8Array[];
}

export interface Page {
  readonly users: readonly UserView[];
  /** How many users were left out because their records cannot be read. */
  readonly damagedCount: number;
  /** Empty after the last page. */
  readonly nextPageToken: string;
}

export interface RegistryDescription {
  /** Names of the properties that every user has. */
  readonly requiredProperties: readonly string[];
  /** Undefined if the store's configuration has not been read yet. */
  readonly store: StoreConfiguration | undefined;
  /** While an index is being built: how far that is. */
  readonly progress: Progress | undefined;
}

/** The caller of a write. */
export interface Writer {
  /**
   * Whether the caller may learn what is stored. If not, validations are refused, and no refusal tells the size of the
   * stored user or which value wins. Results still tell the outcome. Default: true.
   */
  readonly mayRead?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Every method throws UserError if the request is invalid or refused, or the store fails. */
export interface UserRegistry {
  identify(input: IdentifyInput, writer?: Writer): Promise<Identified>;
  /**
   * Identifies in order. An item that is refused has an error as its result.
   *
   * @throws UserError if the store fails; some of the items may be stored
   */
  identifyBatch(inputs: readonly IdentifyInput[], writer?: Writer): Promise<BatchItemResult[]>;
  setPreferences(input: SetPreferencesInput, writer?: Writer): Promise<UserView>;
  delete(input: DeleteInput, signal?: AbortSignal): Promise<void>;
  /** @param onlyProperties names as UTF-8; empty for all properties */
  get(id: Uint8Array, onlyProperties: readonly Uint8Array[], signal?: AbortSignal): Promise<UserView>;
  getMany(input: GetUsersInput, sizeOf: AnswerSize, signal?: AbortSignal): Promise<UsersFound>;
  list(input: ListUsersInput, sizeOf: AnswerSize, signal?: AbortSignal): Promise<Page>;
  find(input: FindUsersInput, sizeOf: AnswerSize, signal?: AbortSignal): Promise<Page>;
  count(input: CountUsersInput, signal?: AbortSignal): Promise<number>;
  scan(input: ScanUsersInput, sizeOf: AnswerSize, signal?: AbortSignal): Promise<ScannedPage>;
  /** Says what is known of the registry. It asks the store only while an index is being built. */
  /** @param wantsProgress whether to say how far indexes are built, which asks the store */
  describe(wantsProgress: boolean, signal?: AbortSignal): Promise<RegistryDescription>;
}

/** What an id in a list takes beside its text. */
const idFrameBytes = 8;

/** @param drawEtag a source of etags that never repeats one */
export function createUserRegistry(options: {
  store: UserStore;
  required: RequiredProperties;
  drawEtag: () => string;
}): UserRegistry {
  const { store, required, drawEtag } = options;

  /** @throws UserError if the command is refused */
  const write = async (
    command: WriteCommand,
    refused: { field: "properties" | "preferences"; missing: readonly string[] },
    { mayRead = true, signal }: Writer,
  ): Promise<Applied> => {
    const [result] = await store.write([command], { signal });
    if (result === undefined) throw missingResult();
    if ("refused" in result) throw refusal(result, { ...refused, required, mayRead });
    return result;
  };

  return {
    async identify(input, writer = {}) {
      const { mayRead = true } = writer;
      const options = { etag: drawEtag(), wantUser: mayRead, mayRead };
      const { command, missing } = prepareIdentify(input, required, options);
      const { user, outcome, ignored } = await write(command, { field: "properties", missing }, writer);
      if ((mayRead && user === undefined) || outcome === "deleted") throw missingResult();
      return { user, outcome, ignored };
    },

    async identifyBatch(inputs, { mayRead = true, signal } = {}) {
      const budget = new DecodeBudget();
      const prepared = inputs.map((input): PreparedIdentify | UserError => {
        try {
          return prepareIdentify(input, required, { etag: drawEtag(), wantUser: false, mayRead }, budget);
        } catch (error) {
          if (error instanceof UserError) return error;
          throw error;
        }
      });
      const commands = prepared.flatMap((item) => (item instanceof UserError ? [] : [item.command]));
      const results = commands.length === 0 ? [] : await store.write(commands, { priority: "import", signal });
      let next = 0;
      return prepared.map((item): BatchItemResult => {
        if (item instanceof UserError) return { error: item };
        const result: WriteResult | undefined = results[next++];
        if (result === undefined) throw missingResult();
        if ("refused" in result) {
          if (result.refused === "uncertain") throw storeUnavailable();
          if (result.refused === "store-full") throw storeFull();
          return { error: refusal(result, { field: "properties", missing: item.missing, required, mayRead }) };
        }
        const { outcome, etag, ignored } = result;
        if (outcome === "deleted") throw missingResult();
        return { outcome, etag, ignored };
      });
    },

    async setPreferences(input, writer = {}) {
      const command = prepareSetPreferences(input, drawEtag(), writer.mayRead ?? true);
      const { user } = await write(command, { field: "preferences", missing: [] }, writer);
      if (user === undefined) throw missingResult();
      return user;
    },

    async delete(input, signal) {
      await write(prepareDelete(input, drawEtag()), { field: "properties", missing: [] }, { signal });
    },

    async get(id, onlyProperties, signal) {
      const [userId, names] = allValid(parseUserId(id), parseNames(onlyProperties, "only_properties"));
      const [user] = await store.get([userId], signal);
      if (user === undefined) throw userNotFound();
      if (isDamaged(user)) throw userDamaged(user.damaged);
      return selector(names)(user);
    },

    async getMany({ ids, onlyProperties }, sizeOf, signal) {
      const [userIds, names] = allValid(parseIds(ids), parseNames(onlyProperties, "only_properties"));
      const idBytes = userIds.reduce((sum, id) => sum + Buffer.byteLength(JSON.stringify(id)) + idFrameBytes, 0);
      const select = selector(names);
      const reading = await readWhatFits(store, userIds, { select, sizeOf, besideBytes: frameBytes + idBytes, signal });
      const { users, missing, damaged, readCount } = reading;
      return { users, missingIds: missing, unreadIds: userIds.slice(readCount), damagedIds: damaged };
    },

    async list({ pageSize, pageToken, onlyProperties }, sizeOf, signal) {
      const [count, after, names] = allValid(
        parsePageSize(pageSize),
        pageToken === "" ? undefined : parsePageToken(pageToken),
        parseNames(onlyProperties, "only_properties"),
      );
      const found = await store.list(after, count + 1, signal);
      const ids = found.slice(0, count);
      const select = selector(names);
      const reading = await readWhatFits(store, ids, { select, sizeOf, besideBytes: frameBytes, signal });
      const { users, readCount } = reading;
      const last = readCount < found.length ? ids[readCount - 1] : undefined;
      const damagedCount = reading.damaged.length;
      return { users, damagedCount, nextPageToken: last === undefined ? "" : formatPageToken(last) };
    },

    find: (input, sizeOf, signal) => findUsers(store, input, sizeOf, signal),

    count: (input, signal) => countUsers(store, input, signal),

    scan: (input, sizeOf, signal) => scanUsers(store, input, sizeOf, { signal }),

    async describe(wantsProgress, signal) {
      try {
        const configuration = store.configuration();
        const builds = configuration?.indexes.some(({ state }) => state === "building") === true;
        // The rest is known without it.
        const progress = wantsProgress && builds ? await store.progress(signal).catch(() => undefined) : undefined;
        return { requiredProperties: required.names, store: configuration, progress };
      } catch (error) {
        throw failureOfRead(error);
      }
    },
  };
}

/** The ids in the order given, each once. */
function parseIds(ids: readonly Uint8Array[]): Parsed<readonly UserId[]> {
  if (ids.length > limits.maxBatchIds) return new Invalid(limitExceeded("ids", "maxBatchIds", ids.length, "ids"));
  const found = new Set<UserId>();
  const violations: Violation[] = [];
  ids.forEach((bytes, index) => {
    const id = parseUserId(bytes, formatPath("ids", [index]));
    if (id instanceof Invalid) violations.push(...id.violations);
    else found.add(id);
  });
  return violations.length > 0 ? new Invalid(...violations) : [...found];
}

function missingResult(): Error {
  return new Error("the store answered fewer results than it was given commands, or others");
}
