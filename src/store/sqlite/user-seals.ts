import type { DatabaseSync, StatementSync } from "node:sqlite";
import { Invalid } from "../../users/parsed.ts";
import type { StoreConfiguration } from "../../users/store-configuration.ts";
import { isCanonical } from "../../users/struct/scan.ts";
import { parseUserId } from "../../users/user-id.ts";
import { sealOf, stateOfSeal } from "../seal.ts";

/** A user that a walk has seen, whose seal is as it should be now. */
export interface SealedUser {
  readonly wasBroken: boolean;
  /** Empty if it cannot be read. */
  readonly id: string;
  /** A canonical Struct; empty if it cannot be read, or was not asked for. */
  readonly properties: Uint8Array;
}

/** Walks over users in the order of their rows, and seals them or takes their seals. */
export class UserSeals {
  readonly #configuration: StoreConfiguration;
  readonly #rows: StatementSync;
  readonly #write: StatementSync;
  /** The number of the last row; empty at the beginning. */
  last: string;

  /** @param after the row after which it begins; empty for the first */
  constructor(database: DatabaseSync, configuration: StoreConfiguration, after: string, withProperties: boolean) {
    this.#configuration = configuration;
    this.last = after;
    // Only another program's rows have other numbers: such users are damaged, and left as they are.
    this.#rows = database.prepare(
      `SELECT rid, etag, f, CAST(id AS BLOB) AS id, ${withProperties ? "properties" : "NULL"} AS properties
       FROM user WHERE rid > ? AND rid <= ? ORDER BY rid LIMIT ?`,
    );
    // Reading a row as an array is faster than as an object.
    this.#rows.setReturnArrays(true);
    this.#write = database.prepare("UPDATE user SET f = ? WHERE rid = ?");
  }

  /** @returns the next users; fewer than `count` only at the end */
  next(count: number): SealedUser[] {
    const after = this.last === "" ? Number.MIN_SAFE_INTEGER : Number(this.last);
    return this.#rows.all(after, Number.MAX_SAFE_INTEGER, count).map((row) => {
      const [rid, etag, f, id, properties]: unknown[] = Array.isArray(row) ? row : [];
      this.last = String(rid);
      const isReadable = typeof rid === "number" && typeof etag === "string";
      // What is damaged is left as it is.
      const wasBroken = isReadable && this.#seal(rid, etag, f instanceof Uint8Array ? f : undefined);
      return { wasBroken, id: isReadable ? idIn(id) : "", properties: propertiesIn(properties) };
    });
  }

  /** @returns whether the user's seal was broken */
  #seal(rid: number, etag: string, seal: Uint8Array | undefined): boolean {
    const { generation, seals } = this.#configuration;
    if (seals === undefined) {
      if (seal !== undefined) this.#write.run(null, rid);
      return false;
    }
    const state = stateOfSeal(seal, etag, seals);
    if (state !== "whole") this.#write.run(sealOf(generation, etag), rid);
    return state === "broken";
  }
}

const nothing: Uint8Array = new Uint8Array();

function idIn(value: unknown): string {
  const id = value instanceof Uint8Array ? parseUserId(value) : "";
  return id instanceof Invalid ? "" : id;
}

function propertiesIn(value: unknown): Uint8Array {
  return value instanceof Uint8Array && isCanonical(value) ? value : nothing;
}
