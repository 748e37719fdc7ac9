/** What the service does with users, whatever carries the request and whatever keeps the users. */
import { invalidRequest, limitExceeded, UserError, userNotFound, type Violation } from "./errors.ts";
import { formatPath } from "./field-path.ts";
import { type IdentifyInput, prepareIdentify, type RequiredProperties, refusal } from "./identify.ts";
import { limits } from "./limits.ts";
import type { IdentifyOutcome, IdentifyResult, StoredUser, UserStore } from "./store.ts";
import { selectProperties } from "./struct-entries.ts";
import { parseUserId } from "./user-id.ts";

/** A user as it is answered: its properties may be a selection. */
export type UserView = Omit<StoredUser, "properties"> & { readonly properties: Uint8Array };

/** What became of one item of a batch. */
export type BatchItemResult =
  | { readonly outcome: IdentifyOutcome; readonly etag: string }
  | { readonly error: UserError };

export interface UserRegistry {
  /** @throws UserError if the request is wrong, or the store fails */
  identify(input: IdentifyInput, signal?: AbortSignal): Promise<{ user: UserView; outcome: IdentifyOutcome }>;
  /**
   * Identifies in order. An item that is refused for good has an error for a result.
   *
   * @param inputs each item, or the error that it already has
   * @throws UserError if the store fails: some of the items may then be stored
   */
  identifyBatch(inputs: readonly (IdentifyInput | UserError)[], signal?: AbortSignal): Promise<BatchItemResult[]>;
  /**
   * @param onlyProperties names as UTF-8; none for all properties
   * @throws UserError USER_NOT_FOUND, or if the request is wrong, or the store fails
   */
  get(id: Uint8Array, onlyProperties: readonly Uint8Array[], signal?: AbortSignal): Promise<UserView>;
}

/** @param drawEtag a source of etags that never repeats one */
export function createUserRegistry(options: {
  store: UserStore;
  required: RequiredProperties;
  drawEtag: () => string;
}): UserRegistry {
  const { store, required, drawEtag } = options;
  return {
    async identify(input, signal) {
      const prepared = prepareIdentify(input, required, { etag: drawEtag(), wantUser: true });
      const [result] = await store.identify([prepared.command], signal);
      if (result === undefined) throw missingResult();
      if ("refused" in result) throw refusal(result, prepared, required);
      if (result.user === undefined) throw missingResult();
      return { user: result.user, outcome: result.outcome };
    },

    async identifyBatch(inputs, signal) {
      const prepared = inputs.map((input) => {
        if (input instanceof UserError) return input;
        try {
          return prepareIdentify(input, required, { etag: drawEtag(), wantUser: false });
        } catch (error) {
          if (error instanceof UserError) return error;
          throw error;
        }
      });
      const commands = prepared.flatMap((item) => (item instanceof UserError ? [] : [item.command]));
      const results = commands.length === 0 ? [] : await store.identify(commands, signal);
      let next = 0;
      return prepared.map((item) => {
        if (item instanceof UserError) return { error: item };
        const result: IdentifyResult | undefined = results[next++];
        if (result === undefined) throw missingResult();
        const error = refusal(result, item, required);
        if (error !== undefined) return { error };
        if ("refused" in result) throw missingResult();
        return { outcome: result.outcome, etag: result.etag };
      });
    },

    async get(id, onlyProperties, signal) {
      const userId = parseUserId(id);
      const violations: Violation[] = typeof userId === "string" ? [] : [userId];
      violations.push(...checkNames(onlyProperties, "only_properties"));
      if (typeof userId !== "string" || violations.length > 0) throw invalidRequest(violations);
      const [user] = await store.get([userId], signal);
      if (user === undefined) throw userNotFound();
      if (onlyProperties.length === 0) return user;
      const names = new Set(onlyProperties.map((name) => Buffer.from(name).toString("latin1")));
      return { ...user, properties: selectProperties(user.properties, names) };
    },
  };
}

function checkNames(names: readonly Uint8Array[], field: string): Violation[] {
  if (names.length > limits.maxProperties) {
    const description = `has ${names.length} names; at most ${limits.maxProperties} are allowed`;
    return [limitExceeded(field, "maxProperties", description)];
  }
  return names.flatMap((name, index): Violation[] => {
    const path = formatPath(field, [index]);
    if (name.length === 0) return [{ field: path, reason: "INVALID_PROPERTY", description: "the name is empty" }];
    if (name.length <= limits.maxPropertyNameBytes) return [];
    const description = `has ${name.length} bytes; at most ${limits.maxPropertyNameBytes} are allowed`;
    return [limitExceeded(path, "maxPropertyNameBytes", description)];
  });
}

function missingResult(): Error {
  return new Error("the store answered fewer results than it was given commands");
}
