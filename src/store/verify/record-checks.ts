/** The checks of each record. A new field of a record gets a check here. */
import type { Index } from "../../users/indexes/indexed-property.ts";
import { Invalid } from "../../users/parsed.ts";
import type { Seals, StoreConfiguration } from "../../users/store-configuration.ts";
import { preferencesLimits } from "../../users/struct/format.ts";
import { readMarks } from "../../users/struct/observed.ts";
import { isCanonical } from "../../users/struct/scan.ts";
import { parseUserId } from "../../users/user-id.ts";
import { maxShortBytes } from "../packed/buffer.ts";
import { stateOfSeal } from "../seal.ts";
import { problemOfEntries } from "./entry-rule.ts";
import type { Finding } from "./verifier.ts";

/** A stored record. Fields that are missing or of another type are undefined; optional fields are empty if missing. */
export interface StoredRecord {
  readonly id: Uint8Array;
  /** SQLite's rowid. */
  readonly rid?: bigint;
  /** Microseconds since 1970. */
  readonly createdAt: bigint | undefined;
  readonly updatedAt: bigint | undefined;
  readonly etag: string | undefined;
  readonly properties: Uint8Array | undefined;
  readonly preferences: Uint8Array | undefined;
  readonly observed: Uint8Array | undefined;
  /** Undefined if there is none. */
  readonly seal: Uint8Array | undefined;
  /** The beginnings of the user's entries in indexes: number and value, as `entryPrefix` makes them. Undefined: do not check them. */
  readonly entries?: readonly Uint8Array[] | undefined;
  /** Whether Redis will delete it by itself. */
  readonly expires?: boolean;
}

/** Which seals and which entries in indexes users should have. */
export interface SealRule {
  readonly seals: Seals | undefined;
  /** Undefined if they are not known. */
  readonly indexes: readonly Index[] | undefined;
  /** Whether seals may be there while no feature is on. */
  readonly mayRemain: boolean;
}

/** Of a store whose configuration cannot be read. */
export const unknownSealRule: SealRule = { seals: undefined, indexes: undefined, mayRemain: true };

/** After the last feature was switched off, servers remove the seals in the background. */
export function sealRuleOf(configuration: StoreConfiguration | undefined): SealRule {
  const { seals, indexes = [], generation = 0 } = configuration ?? {};
  return { seals, indexes, mayRemain: generation > 0 };
}

interface RecordCheck {
  readonly name: string;
  /** @returns what is wrong, if anything */
  readonly find: (record: StoredRecord, rule: SealRule) => string | undefined;
}

const maxInteger = BigInt(Number.MAX_SAFE_INTEGER);

const recordChecks: readonly RecordCheck[] = [
  {
    name: "id",
    find({ id }) {
      const parsed = parseUserId(id);
      return parsed instanceof Invalid ? `has an invalid id: it ${parsed.violations[0]?.description}` : undefined;
    },
  },
  {
    name: "meta",
    find({ rid = 0n, createdAt, updatedAt, etag }) {
      if (rid < -maxInteger || rid > maxInteger) return `has the row number (rid) ${rid}, which is out of range`;
      if (createdAt === undefined || updatedAt === undefined || etag === undefined) {
        return "has no times or no etag, or they are cut short";
      }
      if (createdAt < 0n || createdAt > maxInteger || updatedAt < 0n || updatedAt > maxInteger)
        return "has impossible times";
      if (updatedAt < createdAt) return "was changed before it was created, by its times";
      return etag === "" || Buffer.byteLength(etag) > maxShortBytes ? "has an impossible etag" : undefined;
    },
  },
  {
    name: "properties",
    find({ properties }) {
      if (properties === undefined) return "has no properties, or of another type";
      return isCanonical(properties) ? undefined : "has properties that are no canonical Struct within the limits";
    },
  },
  {
    name: "preferences",
    find({ preferences }) {
      if (preferences === undefined) return "has preferences of another type";
      return isCanonical(preferences, preferencesLimits)
        ? undefined
        : "has preferences that are no canonical Struct within the limits";
    },
  },
  {
    name: "observed",
    find({ observed }) {
      if (observed === undefined) return "has times of observation of another type";
      return readMarks(observed) === undefined ? "has times of observation that cannot be read" : undefined;
    },
  },
  {
    name: "seal",
    find({ etag, seal }, { seals, mayRemain }) {
      if (etag === undefined) return undefined;
      if (seals === undefined) {
        return seal === undefined || mayRemain ? undefined : "has a seal (f), and the store has never had a feature";
      }
      if (stateOfSeal(seal, etag, seals) !== "broken") return undefined;
      return "has a broken seal: a server wrote it that does not know the store's features";
    },
  },
  {
    name: "entries",
    find({ etag, properties, seal, entries }, { seals, indexes }) {
      if (entries === undefined || indexes === undefined || etag === undefined) return undefined;
      if (properties === undefined || !isCanonical(properties)) return undefined;
      // The check of the seal tells of it, and the next write mends both.
      if (seals !== undefined && stateOfSeal(seal, etag, seals) === "broken") return undefined;
      return problemOfEntries(indexes, properties, entries);
    },
  },
  {
    name: "expiry",
    find: ({ expires = false }) =>
      expires ? "has a time to live: when it is over, Redis deletes the user" : undefined,
  },
];

/** Runs all checks on a record. */
export function findIn(record: StoredRecord, rule: SealRule): Finding[] {
  return recordChecks.flatMap(({ name, find }) => {
    const problem = find(record, rule);
    return problem === undefined ? [] : [{ id: record.id, check: name, problem }];
  });
}
