/** Random commands for the registry and the model. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import fc from "fast-check";
import { parseIndexedProperties } from "../../src/users/indexes/indexed-property.ts";
import { someTexts } from "../support/folded-texts.ts";

export const required = "name";
export const ids = ["a", "b", "ü"];
const hourMicros = 3_600_000_000;
/** What is indexed at the beginning of a sequence. */
export const firstIndexes = parseIndexedProperties("p:fold,q");
const someIndexes = ["", "p", "p:fold", "q:fold,p", "__proto__,é:fold,p:fold", `q,${required}:fold`, "p:fold,q"].map(
  parseIndexedProperties,
);

// Few ids, names, values and times, so that they meet.
const id = fc.constantFrom(...ids);
const name = fc.constantFrom("p", "p", "p", "q", "q", "__proto__", "é", "x".repeat(128));
const anyName = fc.oneof({ weight: 8, arbitrary: name }, { weight: 1, arbitrary: fc.constant(required) });
const fewValues = fc.constantFrom<JsonValue[]>(
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
const numbers = fc.constantFrom(0, -0, 1, -1, -0.5, 0.5, 1e308, -1e308, 5e-324);
const text = fc.constantFrom(...someTexts);
const value: fc.Arbitrary<JsonValue> = fc.oneof(
  { weight: 3, arbitrary: fewValues },
  { weight: 4, arbitrary: text },
  { weight: 1, arbitrary: numbers },
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
export const start = Date.now() * 1_000;
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
const sweep = fc.record({ verb: fc.constant("sweep" as const) });
/** Creates users, most of them with values in the first indexes. */
const creation = fc
  .tuple(...ids.map((each) => fc.record({ id: fc.constant(each), p: value, q: value, observedAt })))
  .map((users) => ({
    verb: "batch" as const,
    items: users.map((user) => ({
      ...{
        verb: "identify" as const,
        id: user.id,
        observedAt: user.observedAt,
        set: { [required]: "Ada", p: user.p, q: user.q },
      },
      ...{ setOnce: {}, unset: [], precondition: undefined, validateOnly: false },
    })),
  }));
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
  {
    weight: 1,
    arbitrary: fc.record({
      verb: fc.constant("scan" as const),
      wanted: fc.dictionary(name, fewValues, { maxKeys: 1 }),
      pageSize: fc.constantFrom(1, 2, 3),
    }),
  },
  // The server learns of it from its next write, or at once.
  {
    weight: 1,
    arbitrary: fc.record({ verb: fc.constant("configure" as const), isOn: fc.boolean(), isHeard: fc.boolean() }),
  },
  { weight: 1, arbitrary: sweep },
);
const index = fc.record({
  verb: fc.constant("index" as const),
  properties: fc.constantFrom(...someIndexes),
  isHeard: fc.boolean(),
});
const indexingCommand = fc.oneof(
  { weight: 14, arbitrary: command },
  { weight: 3, arbitrary: index },
  { weight: 5, arbitrary: fc.record({ verb: fc.constant("slice" as const), id, isVerified: fc.boolean() }) },
  { weight: 3, arbitrary: sweep },
);

/** A match that is looked for: a value of its own, or what a user has; `as` chooses among values that could be mistaken for it. */
const search = fc.record({
  property: fc.oneof({ weight: 3, arbitrary: fc.constantFrom("p", "q") }, { weight: 1, arbitrary: anyName }),
  condition: fc.oneof(
    { weight: 4, arbitrary: fc.record({ equalsOf: id, as: fc.constantFrom(0, 1, 2, 3) }) },
    { weight: 2, arbitrary: fc.record({ startsWithOf: id, as: fc.constantFrom(0, 1, 2, 3) }) },
    { weight: 1, arbitrary: fc.record({ equals: value }) },
    { weight: 2, arbitrary: fc.record({ startsWith: text }) },
    { weight: 1, arbitrary: fc.record({ present: fc.boolean() }) },
  ),
  pageSize: fc.constantFrom(1, 2, 3),
  /** Whether all users with a value are read, or counted. */
  isRead: fc.boolean(),
});

/** A command, and what is looked for after it, beside all users with a value. */
const step = fc.record({ command, search });
const indexingStep = fc.record({ command: indexingCommand, search });
const lengths = { minLength: 1, maxLength: 20, size: "max" } as const;
const created = fc.record({ command: creation, search }).map((first) => [first]);
const maybeCreated = fc.oneof(fc.constant([]), created);
export const sequence = fc.record({
  // To build indexes takes many times as long as other steps.
  steps: fc
    .oneof(
      { weight: 6, arbitrary: fc.tuple(maybeCreated, fc.array(step, lengths)) },
      { weight: 1, arbitrary: fc.tuple(created, fc.array(indexingStep, lengths)) },
    )
    .map(([first, others]): Step[] => [...first, ...others]),
  /** Whether the store is verified at the end. */
  isVerified: rarely(fc.constant(true), false, 9),
});
export type Step = typeof indexingStep extends fc.Arbitrary<infer Value> ? Value : never;
export type SequenceCommand = Step["command"];
export type Search = Step["search"];
export type WantedEtag = typeof precondition extends fc.Arbitrary<infer Value> ? Value : never;
