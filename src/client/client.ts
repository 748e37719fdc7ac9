import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";

export type UserClient = Client<typeof UserService>;

/**
 * A client of UserService over gRPC.
 *
 * @param server the server's URL, as `http://127.0.0.1:50051`
 */
export function createUserClient(server: string): UserClient {
  return createClient(UserService, createGrpcTransport({ baseUrl: server }));
}
