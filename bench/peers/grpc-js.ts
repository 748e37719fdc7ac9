/** UserService with grpc-js, over Redis by ioredis: `node grpc-js.ts redis://…`. */
import { fileURLToPath } from "node:url";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { ServerDuplexStream, ServerUnaryCall, ServiceClientConstructor, sendUnaryData } from "@grpc/grpc-js";
import { loadPackageDefinition, Server, ServerCredentials, status } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { type PeerUser, RedisUsers } from "./redis-users.ts";

const users = new RedisUsers(process.argv[2] ?? "");
const definition = loadSync("rollcall/v1/user_service.proto", {
  includeDirs: [fileURLToPath(new URL("../../proto", import.meta.url))],
  oneofs: true,
});
const { UserService } = (loadPackageDefinition(definition) as unknown as Package).rollcall.v1;

interface Package {
  readonly rollcall: { readonly v1: { readonly UserService: ServiceClientConstructor } };
}
/** google.protobuf.Value as proto-loader gives and takes it. */
interface Value {
  readonly nullValue?: string;
  readonly numberValue?: number;
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly structValue?: Struct;
  readonly listValue?: { readonly values?: readonly Value[] };
}
interface Struct {
  readonly fields?: Readonly<Record<string, Value>>;
}
interface IdentifyRequest {
  readonly id: string;
  readonly properties: Struct | null;
}

const server = new Server();
server.addService(UserService.service, {
  identify({ request }: ServerUnaryCall<IdentifyRequest, object>, callback: sendUnaryData<object>) {
    users.identify(request.id, jsonOf(request.properties)).then(
      ({ user, outcome }) => callback(null, { user: message(user), outcome }),
      (error) => callback(error),
    );
  },
  getUser({ request }: ServerUnaryCall<{ id: string }, object>, callback: sendUnaryData<object>) {
    users.get(request.id).then(
      (user) => {
        if (user === undefined) callback({ code: status.NOT_FOUND, details: "no such user" });
        else callback(null, { user: message(user) });
      },
      (error) => callback(error),
    );
  },
  async batchIdentify(stream: ServerDuplexStream<{ requests: IdentifyRequest[] }, object>) {
    let sequence = 0;
    for await (const { requests } of stream) {
      const items = (requests as IdentifyRequest[]).map(({ id, properties }) => ({
        id,
        properties: jsonOf(properties),
      }));
      const results = await users.identifyAll(items);
      const count = (wanted: number) => results.filter(({ outcome }) => outcome === wanted).length;
      stream.write({ sequence: sequence++, created: count(1), updated: count(2), unchanged: count(3) });
    }
    stream.end();
  },
});

function message({ id, properties, createdAt, updatedAt }: PeerUser): object {
  return {
    id,
    properties: structOf(properties),
    preferences: {},
    createdAt: timestamp(createdAt),
    updatedAt: timestamp(updatedAt),
  };
}

function timestamp(micros: number): object {
  return { seconds: Math.floor(micros / 1_000_000), nanos: (micros % 1_000_000) * 1_000 };
}

function jsonOf(struct: Struct | null): JsonObject {
  const json: JsonObject = Object.create(null);
  for (const [name, value] of Object.entries(struct?.fields ?? {})) json[name] = jsonValueOf(value);
  return json;
}

function jsonValueOf(value: Value): JsonValue {
  if (value.structValue != null) return jsonOf(value.structValue);
  if (value.listValue != null) return (value.listValue.values ?? []).map(jsonValueOf);
  return value.stringValue ?? value.numberValue ?? value.boolValue ?? null;
}

function structOf(json: JsonObject): Struct {
  return { fields: Object.fromEntries(Object.entries(json).map(([name, value]) => [name, protoValueOf(value)])) };
}

function protoValueOf(json: JsonValue): Value {
  if (json === null) return { nullValue: "NULL_VALUE" };
  if (Array.isArray(json)) return { listValue: { values: json.map(protoValueOf) } };
  switch (typeof json) {
    case "string":
      return { stringValue: json };
    case "number":
      return { numberValue: json };
    case "boolean":
      return { boolValue: json };
    default:
      return { structValue: structOf(json) };
  }
}

server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.send?.({ port });
});
