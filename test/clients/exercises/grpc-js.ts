import { readFileSync } from "node:fs";
import { fromJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { credentials } from "@grpc/grpc-js";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.js";
import { Outcome, UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { createGrpcJsTransport } from "../../e2e/exchanges/grpc-js.ts";
import type { Person, UsersClient } from "./steps.ts";

/** @param ca the authorities of the server's certificate; undefined for clear text */
export function transportOf(url: string, ca: string | undefined): Transport {
  const channel = ca === undefined ? credentials.createInsecure() : credentials.createSsl(readFileSync(ca));
  return createGrpcJsTransport(url, false, channel);
}

/** @param ca as `transportOf` takes it */
export function grpcJs(url: string, ca: string | undefined): UsersClient {
  const users = createClient(UserService, transportOf(url, ca));
  const get = async (id: string) => ({ ...(await users.getUser({ id })).user?.properties });
  return {
    identify: async (person) => (await users.identify(person)).outcome === Outcome.CREATED,
    get,
    find: async (property, text) =>
      (await users.findUsers({ match: matchOf(property, text) })).users.map(({ id }) => id),
    count: async (property, text) => Number((await users.countUsers({ match: matchOf(property, text) })).count),
    scan: async (properties) =>
      (await users.scanUsers({ where: { properties: { ...properties } } })).users.map(({ id }) => id),
    reasonOf: (error) =>
      error instanceof ConnectError ? error.findDetails(ErrorInfoSchema).map(({ reason }) => reason)[0] : undefined,
    async batch(messages) {
      const created: number[] = [];
      for await (const answer of users.batchIdentify(requestsOf(messages))) created.push(answer.created);
      return created;
    },
    getAtOnce: (id, times) => Promise.all(Array.from({ length: times }, () => get(id))),
  };
}

function matchOf(property: string, text: string) {
  return { property, condition: { case: "equals" as const, value: fromJson(ValueSchema, text) } };
}

async function* requestsOf(messages: readonly (readonly Person[])[]) {
  for (const requests of messages) yield { requests: [...requests] };
}
