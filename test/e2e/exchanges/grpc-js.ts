/** A gRPC client that shares no code with the server: grpc-js, with the contract loaded at run time. */

import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ConnectError, type Transport } from "@connectrpc/connect";
import { findTrailerError } from "@connectrpc/connect/protocol-grpc";
import {
  Client,
  compressionAlgorithms,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const root = new URL("../../../", import.meta.url).pathname;
const includeDirs = ["proto", "node_modules/google-proto-files", "node_modules/grpc-health-check/proto"];
const definitions = loadSync(["rollcall/v1/user_service.proto", "health/v1/health.proto"], {
  includeDirs: includeDirs.map((directory) => root + directory),
});

const clients: Client[] = [];
export function closeClients(): void {
  for (const client of clients.splice(0)) client.close();
}

/** @param channel how it trusts the server; clear text by default */
export function createGrpcJsTransport(
  baseUrl: string,
  isCompressed: boolean,
  channel = credentials.createInsecure(),
): Transport {
  const { gzip, identity } = compressionAlgorithms;
  const client = new Client(new URL(baseUrl).host, channel, {
    "grpc.default_compression_algorithm": isCompressed ? gzip : identity,
  });
  clients.push(client);
  return {
    async unary(method, _signal, _timeoutMs, header, input) {
      const { path, write, read } = codecOf(method);
      const message = await new Promise<ReturnType<typeof read>>((resolve, reject) => {
        client.makeUnaryRequest(path, write, read, input, metadataOf(header), (error, answer) => {
          if (answer === undefined) reject(error && asConnectError(error));
          else resolve(answer);
        });
      });
      return { stream: false, ...restOf(method), message };
    },
    async stream(method, _signal, _timeoutMs, header, input) {
      const { path, write, read } = codecOf(method);
      const call = client.makeBidiStreamRequest(path, write, read, metadataOf(header));
      const send = async () => {
        for await (const message of input) call.write(message);
        call.end();
      };
      send().catch((error) => call.destroy(error));
      async function* answers() {
        try {
          yield* call;
        } catch (error) {
          throw asConnectError(error as ServiceError);
        }
      }
      return { stream: true, ...restOf(method), message: answers() };
    },
  };
}

interface Method<Input extends DescMessage, Output extends DescMessage> {
  readonly parent: { readonly typeName: string };
  readonly name: string;
  readonly input: Input;
  readonly output: Output;
}

/** What goes over the wire is written, and read first, by proto-loader: by GetUser's messages where there is no such method. */
function codecOf<Input extends DescMessage, Output extends DescMessage>(method: Method<Input, Output>) {
  const { parent, name, input, output } = method;
  const service = definitions[parent.typeName] as Record<string, MethodDefinition<object, object>>;
  const own = service[name] ?? service["GetUser"];
  if (own === undefined) throw new Error(`there is no ${parent.typeName} to load`);
  return {
    path: `/${parent.typeName}/${name}`,
    write: (init: MessageInitShape<Input>) =>
      own.requestSerialize(own.requestDeserialize(Buffer.from(toBinary(input, create(input, init))))),
    read: (bytes: Buffer) => fromBinary(output, own.responseSerialize(own.responseDeserialize(bytes))),
  };
}

const restOf = <M extends { readonly parent: unknown }>(method: M) => ({
  ...{ service: method.parent as M["parent"], method },
  ...{ header: new Headers(), trailer: new Headers() },
});

function metadataOf(header: ConstructorParameters<typeof Headers>[0]): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of new Headers(header)) metadata.set(name, value);
  return metadata;
}

/** Code and message as grpc-js reads them; the details are bytes to it. */
function asConnectError({ code, details, metadata }: ServiceError): ConnectError {
  const error = new ConnectError(details, Number(code));
  const [bytes = ""] = metadata.get("grpc-status-details-bin");
  const trailers = { "grpc-status": String(code), "grpc-status-details-bin": Buffer.from(bytes).toString("base64") };
  error.details = findTrailerError(new Headers(trailers))?.details ?? [];
  return error;
}
