/** Answers of handlers as messages of the contract. */
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { GetRegistryResponseSchema } from "#gen/rollcall/v1/user_service_pb.js";
import type { Principal } from "../../src/credentials/principal.ts";
import { registryMessage } from "../../src/rpc/user-messages.ts";

const principal: Principal = { name: "feed", scopes: new Set(["users.write", "users.delete"] as const) };
const described = { version: "0.2.0", requiredProperties: ["name"], principal, store: undefined };
const messageOf = (registry: Parameters<typeof registryMessage>[0]) =>
  create(GetRegistryResponseSchema, registryMessage(registry));

test("a registry whose store's configuration is not known has no store", () => {
  expect(messageOf(described)).toMatchObject({
    ...{ version: "0.2.0", requiredProperties: ["name"], storeId: "", features: [], generation: 0n },
    principal: { name: "feed", scopes: ["users.delete", "users.write"] },
  });
});

test("a registry has its store's id, features and generation", () => {
  const store = {
    ...{ storeId: "6c1f0a93d24be7581f0c", madeBy: "0.1", generation: 3, features: ["rehearsal"] as const },
    seals: { since: 2, complete: false },
  };
  expect(messageOf({ ...described, store })).toMatchObject({
    ...{ storeId: store.storeId, features: ["rehearsal"], generation: 3n },
  });
});
