/** UserService with stock connect-node, over Redis by ioredis: `node connect-node.ts redis://…`. */
import { createServer } from "node:http2";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import type { UserSchema } from "../../gen/es/rollcall/v1/user_pb.js";
import { UserService } from "../../gen/es/rollcall/v1/user_service_pb.js";
import { announce } from "./announce.ts";
import { type PeerUser, RedisUsers } from "./redis-users.ts";

const users = new RedisUsers(process.argv[2] ?? "");

const routes = (router: ConnectRouter) =>
  router.service(UserService, {
    async identify({ id, properties }) {
      const { user, outcome } = await users.identify(id, properties ?? {});
      return { user: message(user), outcome };
    },
    async getUser({ id }) {
      const user = await users.get(id);
      if (user === undefined) throw new ConnectError("no such user", Code.NotFound);
      return { user: message(user) };
    },
    async *batchIdentify(requests) {
      let sequence = 0;
      for await (const { requests: items } of requests) {
        const results = await users.identifyAll(
          items.map(({ id, properties }) => ({ id, properties: properties ?? {} })),
        );
        const count = (wanted: number) => results.filter(({ outcome }) => outcome === wanted).length;
        yield { sequence: sequence++, created: count(1), updated: count(2), unchanged: count(3) };
      }
    },
  });

function message({ id, properties, createdAt, updatedAt }: PeerUser): MessageInitShape<typeof UserSchema> {
  return { id, properties, preferences: {}, createdAt: timestamp(createdAt), updatedAt: timestamp(updatedAt) };
}

function timestamp(micros: number): Timestamp {
  const nanos = (micros % 1_000_000) * 1_000;
  return create(TimestampSchema, { seconds: BigInt(Math.floor(micros / 1_000_000)), nanos });
}

const server = createServer(connectNodeAdapter({ routes }));
server.listen(0, "127.0.0.1", () => announce(server.address()));
