/** Random IdentifyRequests, and parts of them. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import fc from "fast-check";
import type { IdentifyRequestSchema } from "#gen/rollcall/v1/user_service_pb.js";

export const text = fc.string({ unit: "binary", maxLength: 20 });
export const json = fc.dictionary(text, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 5 });
export const timestamp = fc.record({
  seconds: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  nanos: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
});
/** Of a precondition. */
export const condition = fc.oneof(
  fc.record({ case: fc.constant("exists" as const), value: fc.boolean() }),
  fc.record({ case: fc.constant("etag" as const), value: text }),
  fc.constant({ case: undefined }),
);
export const request = fc.record(
  {
    id: text,
    properties: json,
    setOnce: json,
    unset: fc.array(text, { maxLength: 4 }),
    precondition: fc.record({ condition }),
    observedAt: timestamp,
    validateOnly: fc.boolean(),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<MessageInitShape<typeof IdentifyRequestSchema>>;
