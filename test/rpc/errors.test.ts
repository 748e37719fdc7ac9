import { Code } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { tooLarge } from "../../src/rpc/messages/envelopes.ts";
import { contractErrors } from "../../src/rpc/restated-errors.ts";

test.each([
  ["maxRequestBytes", "4194304"],
  ["maxOpenRequestBytes", "4096"],
] as const)("a message beyond %s is refused by the limit's name", (limit, max) => {
  const error = tooLarge(limit);
  contractErrors.restate(error, UserService.method.getUser);
  expect(error).toMatchObject({
    code: Code.ResourceExhausted,
    rawMessage: `the message is larger than ${max} bytes`,
    details: [{ value: { reason: "LIMIT_EXCEEDED", metadata: { limit, max } } }],
  });
});
