import { type Client, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { UserService } from "rollcall/contract";

export interface Connection {
  /** The server's URL: `http://127.0.0.1:50051`. */
  readonly server: string;
  /** The caller's token; empty for none. */
  readonly token: string;
  readonly protocol: "connect" | "grpc-web";
  readonly encoding: "binary" | "json";
  /** The deadline of each call. The server gets it, and gives up then too. */
  readonly timeoutMs: number;
}

export function usersAt({ server, token, protocol, encoding, timeoutMs }: Connection): Client<typeof UserService> {
  const bearer: Interceptor = (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
  const createTransport = protocol === "connect" ? createConnectTransport : createGrpcWebTransport;
  const transport = createTransport({
    baseUrl: server,
    useBinaryFormat: encoding === "binary",
    defaultTimeoutMs: timeoutMs,
    interceptors: token === "" ? [] : [bearer],
  });
  return createClient(UserService, transport);
}
