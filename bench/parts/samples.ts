/** Requests and users that the comparisons work on: those of the other benches. */
import type { JsonObject } from "@bufbuild/protobuf";
import { readIdentifyRequest } from "../../src/rpc/messages/read-identify.ts";
import { Invalid } from "../../src/users/parsed.ts";
import type { IdentifyCommand } from "../../src/users/store.ts";
import { canonicalStruct } from "../../src/users/struct/canonical.ts";
import type { CanonicalStruct } from "../../src/users/struct/format.ts";
import { identifyCommands } from "../baselines.ts";
import type { RequestTemplate } from "../load/requests.ts";

const prefixBytes = 5;

export const count = 500;
export const users = Array.from({ length: count }, (_, user) => user);
export const commands: readonly IdentifyCommand[] = [...identifyCommands(0, count, 1)];

/** Messages, one for each user, without gRPC's prefix. */
export function messages(template: RequestTemplate, some: readonly number[] = users): Buffer[] {
  return some.map((user) => {
    template.set(0, user, user);
    return template.copy().subarray(prefixBytes);
  });
}

/** One message with an item for each user. */
export function batchMessage(template: RequestTemplate): Buffer {
  for (const user of users) template.set(user, user, user);
  return template.copy().subarray(prefixBytes);
}

/** The Struct of an Identify. */
export function propertiesIn(identify: Uint8Array): Uint8Array {
  return readIdentifyRequest(identify)?.properties[0] ?? unusual();
}

export function canonicalOf(struct: Uint8Array): CanonicalStruct {
  const result = canonicalStruct([struct], "properties");
  return result instanceof Invalid ? unusual() : result;
}

/** The items of an import. */
export const items = users.map((user) => ({ id: `customer-${user}`, properties: jsonOf(user) }));

function jsonOf(user: number): JsonObject {
  return {
    name: `Ada Lovelace ${user}`,
    email: `ada.${user}@example.com`,
    plan: "enterprise",
    country: "PT",
    company: { name: "Analytical Engines Ltd", size: 120 },
    login_count: 42,
    newsletter: true,
    last_seen: `2026-11-25 ${user}`,
  };
}

export function unusual(): never {
  throw new Error("a template is read as unusual");
}
