/** Compares what a registry answers with what the model does, and knows the etags and times that were seen. */
import type { JsonObject } from "@bufbuild/protobuf";
import { expect } from "vitest";
import { UserError } from "../../src/users/errors.ts";
import type { PreconditionInput } from "../../src/users/precondition.ts";
import type { UserView } from "../../src/users/reading.ts";
import type { ModelAnswer, ModelPrecondition, ModelUser } from "../support/model.ts";
import { decode, encode } from "../support/struct.ts";
import type { WantedEtag } from "./model-commands.ts";

export type Refused = { readonly refused: string };

export type Answer =
  | Refused
  | {
      readonly outcome?: string;
      readonly ignored?: readonly string[];
      readonly user?: UserView | undefined;
      readonly etag?: string;
    };

export class Answers {
  /** The etag of each version of the model, and the versions that each id has had. */
  readonly #etags = new Map<number, string>();
  readonly #versions = new Map<string, number[]>();
  readonly #times = new Map<string, { created: number; updated: number; version: number }>();

  /** What a command wants of the user's etag, for the model and for the registry. */
  precondition(of: string, wanted: WantedEtag): [ModelPrecondition | undefined, PreconditionInput | undefined] {
    if (wanted === undefined) return [undefined, undefined];
    if ("exists" in wanted) return [wanted, { condition: { case: "exists", value: wanted.exists } }];
    const version = wanted.etag === undefined ? undefined : this.#versions.get(of)?.at(-1 - wanted.etag);
    const value = this.#etags.get(version ?? -1) ?? "nobody's";
    return [{ version: version ?? -1 }, { condition: { case: "etag", value } }];
  }

  compare(of: string, expected: ModelAnswer, answer: Answer): void {
    if ("refused" in expected || "refused" in answer) {
      expect(answer).toEqual(expected);
      return;
    }
    if (answer.outcome !== undefined) expect(answer.outcome).toBe(expected.outcome);
    if (answer.ignored !== undefined) expect([...answer.ignored].sort()).toEqual(expected.ignored);
    const etag = answer.user?.etag ?? answer.etag;
    if (etag !== undefined) this.#compareEtag(of, etag, expected.user.version);
    if (answer.user !== undefined) this.#compareUser(of, answer.user, expected.user);
  }

  /** Compares users of a page. */
  compareStored(users: readonly UserView[], expected: ReadonlyMap<string, ModelUser>): void {
    for (const user of users) {
      const known = expected.get(user.id);
      if (known === undefined) expect.fail(`there is no ${user.id}`);
      this.#compareEtag(user.id, user.etag, known.version);
      this.#compareUser(user.id, user, known);
    }
  }

  /** A user is gone, and may come again. */
  forget(id: string): void {
    this.#times.delete(id);
  }

  /** A version has one etag, and no two versions have the same. */
  #compareEtag(of: string, etag: string, version: number): void {
    if (version === 0) {
      expect(etag).toBe("");
      return;
    }
    const known = this.#etags.get(version);
    if (known !== undefined) expect(etag).toBe(known);
    else {
      expect([...this.#etags.values()]).not.toContain(etag);
      this.#etags.set(version, etag);
      this.#versions.set(of, [...(this.#versions.get(of) ?? []), version]);
    }
  }

  #compareUser(of: string, user: UserView, expected: ModelUser): void {
    expect(user.id).toBe(of);
    expect(decode(user.properties)).toEqual(expected.properties);
    expect(Buffer.compare(user.preferences, encodedAlike(user.preferences))).toBe(0);
    expect(decode(user.preferences)).toEqual(expected.preferences);
    if (expected.version === 0) {
      expect([user.createdAt, user.updatedAt]).toEqual([0, 0]);
      return;
    }
    const before = this.#times.get(of);
    if (before !== undefined) expect(user.createdAt).toBe(before.created);
    if (before?.version === expected.version) expect(user.updatedAt).toBe(before.updated);
    else if (before !== undefined) expect(user.updatedAt).toBeGreaterThan(before.updated);
    this.#times.set(of, { created: user.createdAt, updated: user.updatedAt, version: expected.version });
  }
}

/** Stored Structs are canonical: encoding them again changes nothing. */
function encodedAlike(struct: Uint8Array): Uint8Array {
  const decoded = decode(struct);
  const sorted = Object.entries(decoded as JsonObject).sort(([a], [b]) =>
    Buffer.compare(Buffer.from(a), Buffer.from(b)),
  );
  return Buffer.concat(sorted.map(([key, item]) => encode(Object.fromEntries([[key, item]]))));
}

export function failing<Result>(call: Promise<Result>): Promise<Result | Refused> {
  return call.catch((error: unknown) => {
    if (error instanceof UserError) return { refused: error.reason };
    throw error;
  });
}
