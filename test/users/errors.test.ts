/** What an error costs: a batch may have a thousand of them. */
import { expect, test } from "vitest";
import { describeFailure } from "../../src/telemetry/failure-log.ts";
import { invalidRequest, storeUnavailable, UserError, userNotFound } from "../../src/users/errors.ts";

const missing = { field: "id", reason: "INVALID_ID", description: "is empty" } as const;

test.each([
  ["that blames the request", invalidRequest([missing])],
  ["that is an answer", userNotFound()],
])("an error %s notes no frames", (_, error) => {
  expect(error.stack).not.toContain("    at ");
});

test.each([
  ["the store", storeUnavailable()],
  ["the server", new UserError("INTERNAL", "the server failed")],
])("an error of %s notes where it was raised, for the log", (_, error) => {
  expect(describeFailure(error).stack).toContain("errors.test.ts");
});

test("other errors note their frames after one that does not", () => {
  userNotFound();
  expect(new Error("another").stack).toContain("errors.test.ts");
});
