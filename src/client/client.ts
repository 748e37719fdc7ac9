import { type Client, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { context, propagation } from "@opentelemetry/api";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";

export type UserClient = Client<typeof UserService>;

export interface ConnectionOptions {
  /** The server's URL, as `http://127.0.0.1:50051`. */
  readonly server: string;
  /** Who the caller is: sent as a bearer token with each call. */
  readonly token?: string | undefined;
  /** For servers over TLS, in PEM. */
  readonly tls?:
    | {
        /** Who signs the server's certificate, in place of the system's authorities. */
        readonly ca?: string | Buffer | undefined;
        /** The certificate to show, and its key. */
        readonly cert?: string | Buffer | undefined;
        readonly key?: string | Buffer | undefined;
      }
    | undefined;
}

/** A client of UserService over gRPC. */
export function createUserClient(connection: string | ConnectionOptions): UserClient {
  return createClient(
    UserService,
    createTransport(typeof connection === "string" ? { server: connection } : connection),
  );
}

/** Tells the server which trace a call is a part of, where its caller has set up OpenTelemetry. */
const traceContext: Interceptor = (next) => (request) => {
  propagation.inject(context.active(), request.header, { set: (headers, name, value) => headers.set(name, value) });
  return next(request);
};

/** gRPC to a server, for any of its services. */
export function createTransport({ server, token, tls = {} }: ConnectionOptions): Transport {
  const bearer: Interceptor = (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
  const nodeOptions = Object.fromEntries(Object.entries(tls).filter(([, pem]) => pem !== undefined));
  return createGrpcTransport({
    baseUrl: server,
    nodeOptions,
    interceptors: token === undefined ? [traceContext] : [traceContext, bearer],
  });
}
