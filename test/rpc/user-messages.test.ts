/** Answers of handlers as messages of the contract. */
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import {
  GetRegistryResponseSchema,
  GetRegistryResponse_Index_State as State,
} from "#gen/rollcall/v1/user_service_pb.js";
import type { Principal } from "../../src/credentials/principal.ts";
import { registryMessage } from "../../src/rpc/user-messages.ts";
import type { Index, IndexState } from "../../src/users/indexes/indexed-property.ts";
import type { Progress } from "../../src/users/store.ts";

const principal: Principal = { name: "feed", scopes: new Set(["users.write", "users.delete"] as const) };
const described = { version: "0.2.0", requiredProperties: ["name"], principal, store: undefined, progress: undefined };
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
    ...{ seals: { since: 2, complete: false }, indexes: [], nextIndex: 1, folding: "17.0.0" },
  };
  expect(messageOf({ ...described, store })).toMatchObject({
    ...{ storeId: store.storeId, features: ["rehearsal"], generation: 3n, indexes: [] },
  });
});

test("a registry has its indexes, but those that are being dropped, and how far the others are", () => {
  const index = (property: string, state: IndexState, folded = false): Index => ({
    property,
    folded,
    number: 1,
    state,
  });
  const store = {
    ...{ storeId: "6c1f0a93d24be7581f0c", madeBy: "0.2.0", generation: 7, features: ["indexes"] as const },
    ...{ seals: { since: 7, complete: false }, nextIndex: 4, folding: "17.0.0" },
    indexes: [index("email", "ready", true), index("phone", "building"), index("plan", "dropping")],
  };
  const told = (progress: Progress | undefined) => messageOf({ ...described, store, progress }).indexes;
  const email = { property: "email", folded: true, state: State.READY, usersDone: 0n, usersTotal: 0n };
  const phone = { property: "phone", folded: false, state: State.BUILDING };
  expect(told({ done: 3, total: 5 })).toMatchObject([email, { ...phone, usersDone: 3n, usersTotal: 5n }]);
  expect(told(undefined)).toMatchObject([email, { ...phone, usersDone: 0n, usersTotal: 0n }]);
});
