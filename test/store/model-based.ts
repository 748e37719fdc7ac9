/** Random sequences of commands through the registry, on a store and on the model: both must answer alike. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UserError } from "../../src/users/errors.ts";
import { createEtagSource } from "../../src/users/etag.ts";
import { type IdentifyInput, requiredProperties } from "../../src/users/identify.ts";
import type { PreconditionInput } from "../../src/users/precondition.ts";
import type { UserView } from "../../src/users/reading.ts";
import { createUserRegistry, type UserRegistry } from "../../src/users/registry.ts";
import {
  createModel,
  type ModelAnswer,
  type ModelIdentify,
  type ModelPrecondition,
  type ModelUser,
} from "../support/model.ts";
import { repeats } from "../support/repeats.ts";
import { switchFeatures, type TemporaryStore } from "../support/stores.ts";
import { decode, encode } from "../support/struct.ts";

const required = "name";
const ids = ["a", "b", "ü"];
const hourMicros = 3_600_000_000;

// Few ids, names, values and times, so that they meet.
const id = fc.constantFrom(...ids);
const name = fc.constantFrom("p", "q", "__proto__", "é", "x".repeat(128));
const anyName = fc.oneof({ weight: 8, arbitrary: name }, { weight: 1, arbitrary: fc.constant(required) });
const value: fc.Arbitrary<JsonValue> = fc.constantFrom<JsonValue[]>(
  ...[
    null,
    false,
    true,
    0,
    1,
    -1,
    "",
    "a",
    "b",
    "aa",
    [],
    [1],
    {},
    { x: 1, y: [2] },
    { y: [2], x: 1 },
    "long".repeat(50),
  ],
);
const many: JsonObject = Object.fromEntries(Array.from({ length: 508 }, (_, i) => [`m${i}`, null]));
const properties = fc
  .record({
    some: fc.dictionary(name, value, { maxKeys: 3 }),
    required: fc.option(fc.constantFrom<JsonValue[]>("Ada", "Bea", "Ada", "Bea", "", null), { nil: undefined }),
    many: fc.oneof({ weight: 40, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  })
  .map((parts): JsonObject => {
    const entries = Object.entries({ ...(parts.many ? many : {}), ...parts.some });
    return Object.fromEntries(parts.required === undefined ? entries : [...entries, [required, parts.required]]);
  });
const rarely = <Value>(arbitrary: fc.Arbitrary<Value>, otherwise: Value, weight = 3) =>
  fc.oneof({ weight, arbitrary: fc.constant(otherwise) }, { weight: 1, arbitrary });
/** `etag`: the nth last etag of the user, or one that nobody has. */
const precondition = rarely(
  fc.oneof(fc.record({ exists: fc.boolean() }), fc.record({ etag: fc.constantFrom(0, 0, 1, undefined) })),
  undefined,
);
/** Times in µs: some early ones, some ahead of the clock, and one too far ahead. */
const observedAt = rarely<number | undefined>(
  fc.constantFrom(1, 2, 3, "ahead 1", "ahead 2", "too far").map(atTime),
  undefined,
  1,
);
const start = Date.now() * 1_000;
function atTime(time: string | number): number {
  if (typeof time === "number") return time;
  return start + (time === "too far" ? 2 * hourMicros : hourMicros / 2 + Number(time.at(-1)));
}

const identify = fc.record({
  verb: fc.constant("identify" as const),
  id,
  set: properties,
  setOnce: rarely(fc.dictionary(anyName, value, { maxKeys: 2 }), {}),
  unset: rarely(fc.array(anyName, { maxLength: 3 }), []),
  precondition,
  observedAt,
  validateOnly: rarely(fc.constant(true), false, 8),
});
const command = fc.oneof(
  { weight: 8, arbitrary: identify },
  {
    weight: 3,
    arbitrary: fc.record({ verb: fc.constant("batch" as const), items: fc.array(identify, { maxLength: 4 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      verb: fc.constant("setPreferences" as const),
      id,
      sent: fc.dictionary(name, value, { maxKeys: 2 }),
      merge: fc.boolean(),
      precondition,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ verb: fc.constant("delete" as const), id, allowMissing: fc.boolean(), precondition }),
  },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant("list" as const), pageSize: fc.constantFrom(1, 2, 3) }) },
  {
    weight: 1,
    arbitrary: fc.record({ verb: fc.constant("get" as const), onlyProperties: fc.array(anyName, { maxLength: 2 }) }),
  },
  // The server learns of it from its next write.
  { weight: 1, arbitrary: fc.record({ verb: fc.constant("configure" as const), isOn: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant("sweep" as const) }) },
);
type SequenceCommand = typeof command extends fc.Arbitrary<infer Value> ? Value : never;
type WantedEtag = typeof precondition extends fc.Arbitrary<infer Value> ? Value : never;

/** One sequence: the model beside the registry, and what is known of etags and times. */
class Run {
  readonly #registry: UserRegistry;
  readonly #opened: TemporaryStore;
  readonly #model = createModel(required, start);
  /** The etag of each version of the model, and the versions that each id has had. */
  readonly #etags = new Map<number, string>();
  readonly #versions = new Map<string, number[]>();
  readonly #times = new Map<string, { created: number; updated: number; version: number }>();

  constructor(registry: UserRegistry, opened: TemporaryStore) {
    this.#registry = registry;
    this.#opened = opened;
  }

  async do(next: SequenceCommand): Promise<void> {
    switch (next.verb) {
      case "identify": {
        const [model, input] = this.#translate(next);
        return this.#compare(next.id, this.#model.identify(model), await failing(this.#registry.identify(input)));
      }
      case "batch": {
        // An etag that an earlier item of the batch will have given cannot be known yet.
        const items = next.items.map((item) => ({ ...item, precondition: undefined }));
        const results = await this.#registry.identifyBatch(items.map((item) => this.#translate(item)[1]));
        for (const [index, item] of items.entries()) {
          const result = results[index];
          if (result === undefined) expect.fail("a result is missing");
          const answer = "error" in result ? { refused: result.error.reason } : result;
          this.#compare(item.id, this.#model.identify(this.#translate(item)[0]), answer);
        }
        return;
      }
      case "setPreferences": {
        const [wanted, condition] = this.#etag(next.id, next.precondition);
        const expected = this.#model.setPreferences(next.id, next.sent, next.merge, wanted);
        const preferences = [encode(next.sent)];
        const call = this.#registry.setPreferences({
          id: Buffer.from(next.id),
          preferences,
          merge: next.merge,
          precondition: condition,
        });
        return this.#compare(next.id, expected, await failing(call.then((user) => ({ user }))));
      }
      case "delete": {
        const [wanted, condition] = this.#etag(next.id, next.precondition);
        const expected = this.#model.remove(next.id, next.allowMissing, wanted);
        const { allowMissing } = next;
        const input = { id: Buffer.from(next.id), precondition: condition, allowMissing };
        this.#compare(next.id, expected, await failing(this.#registry.delete(input).then(() => ({}))));
        if (!("refused" in expected)) this.#times.delete(next.id);
        return;
      }
      case "list":
        return this.#list(next.pageSize);
      case "get":
        return this.#get(next.onlyProperties);
      case "configure":
        return switchFeatures(this.#opened.administration, next.isOn ? ["rehearsal"] : []);
      case "sweep":
        return this.#opened.sweep();
    }
  }

  #translate(
    item: Omit<ModelIdentify, "precondition"> & { precondition?: WantedEtag },
  ): [ModelIdentify, IdentifyInput] {
    const [wanted, condition] = this.#etag(item.id, item.precondition);
    const { observedAt: micros } = item;
    const time = micros === undefined ? undefined : BigInt(micros);
    return [
      { ...item, precondition: wanted },
      {
        id: Buffer.from(item.id),
        properties: [encode(item.set)],
        setOnce: [encode(item.setOnce)],
        unset: item.unset.map((text) => Buffer.from(text)),
        precondition: condition,
        observedAt:
          time === undefined ? undefined : { seconds: time / 1_000_000n, nanos: Number(time % 1_000_000n) * 1_000 },
        validateOnly: item.validateOnly,
      },
    ];
  }

  #etag(of: string, wanted: WantedEtag): [ModelPrecondition | undefined, PreconditionInput | undefined] {
    if (wanted === undefined) return [undefined, undefined];
    if ("exists" in wanted) return [wanted, { condition: { case: "exists", value: wanted.exists } }];
    const version = wanted.etag === undefined ? undefined : this.#versions.get(of)?.at(-1 - wanted.etag);
    const value = this.#etags.get(version ?? -1) ?? "nobody's";
    return [{ version: version ?? -1 }, { condition: { case: "etag", value } }];
  }

  #compare(
    of: string,
    expected: ModelAnswer,
    answer:
      | { refused: string }
      | { outcome?: string; ignored?: readonly string[]; user?: UserView | undefined; etag?: string },
  ): void {
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

  async #list(pageSize: number): Promise<void> {
    const seen: string[] = [];
    let pageToken = "";
    do {
      const page = await this.#registry.list({ pageSize, pageToken, onlyProperties: [] }, () => 0);
      expect(page.users.length).toBe(Math.min(pageSize, this.#model.users.size - seen.length));
      for (const user of page.users) {
        seen.push(user.id);
        const expected = this.#model.users.get(user.id);
        if (expected === undefined) expect.fail(`${user.id} is listed`);
        this.#compareEtag(user.id, user.etag, expected.version);
        this.#compareUser(user.id, user, expected);
      }
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(seen.sort()).toEqual([...this.#model.users.keys()].sort());
  }

  async #get(onlyProperties: string[]): Promise<void> {
    const input = {
      ids: ids.map((each) => Buffer.from(each)),
      onlyProperties: onlyProperties.map((each) => Buffer.from(each)),
    };
    const found = await this.#registry.getMany(input, () => 0);
    expect(found.users.map((user) => user.id)).toEqual(ids.filter((each) => this.#model.users.has(each)));
    expect(found.missingIds).toEqual(ids.filter((each) => !this.#model.users.has(each)));
    for (const user of found.users) {
      const all = Object.entries(this.#model.users.get(user.id)?.properties ?? {});
      const selected = all.filter(([key]) => onlyProperties.length === 0 || onlyProperties.includes(key));
      expect(decode(user.properties)).toEqual(Object.fromEntries(selected));
    }
  }

  async removeAll(): Promise<void> {
    for (const each of ids) {
      await this.#registry.delete({ id: Buffer.from(each), precondition: undefined, allowMissing: true });
    }
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

function failing<Answer>(call: Promise<Answer>): Promise<Answer | { refused: string }> {
  return call.catch((error: unknown) => {
    if (error instanceof UserError) return { refused: error.reason };
    throw error;
  });
}

/**
 * @param open opens an empty store, and is called once
 * @param sequences how many sequences to try
 */
export function storeIsLikeTheModel(
  storeName: string,
  open: () => Promise<TemporaryStore>,
  sequences = repeats(1_000),
): void {
  describe(`the store ${storeName}`, () => {
    let opened: TemporaryStore;
    let registry: UserRegistry;
    beforeAll(async () => {
      opened = await open();
      registry = createUserRegistry({
        store: opened.store,
        required: requiredProperties([required]),
        drawEtag: createEtagSource(),
      });
    });
    afterAll(() => opened.close());

    test(`answers ${sequences} random sequences of commands as the model does`, async () => {
      const sequence = fc.asyncProperty(
        fc.array(command, { minLength: 1, maxLength: 20, size: "max" }),
        async (commands) => {
          const run = new Run(registry, opened);
          try {
            for (const next of commands) await run.do(next);
          } finally {
            await run.removeAll();
          }
        },
      );
      await fc.assert(sequence, { numRuns: sequences });
      // Nobody else has written.
      expect(opened.brokenSeals()).toBe(0);
    }, 120_000);
  });
}
