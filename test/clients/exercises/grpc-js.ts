import { readFileSync } from "node:fs";
import { ConnectError, createClient } from "@connectrpc/connect";
import { credentials } from "@grpc/grpc-js";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.js";
import { Outcome, UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { createGrpcJsTransport } from "../../e2e/exchanges/grpc-js.ts";
import type { Person, UsersClient } from "./steps.ts";

/** @param ca the authorities of the server's certificate; undefined for clear text */
export function grpcJs(url: string, ca: string | undefined): UsersClient {
  const channel = ca === undefined ? credentials.createInsecure() : credentials.createSsl(readFileSync(ca));
  const users = createClient(UserService, createGrpcJsTransport(url, false, channel));
  const get = async (id: string) => ({ ...(await users.getUser({ id })).user?.properties });
  return {
    identify: async (person) => (await users.identify(person)).outcome === Outcome.CREATED,
    get,
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

async function* requestsOf(messages: readonly (readonly Person[])[]) {
  for (const requests of messages) yield { requests: [...requests] };
}
