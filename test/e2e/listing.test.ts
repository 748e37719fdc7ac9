/** A listing or a scan of many users shows each of them once, whatever is created and deleted meanwhile. */
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { expect, test } from "vitest";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { describeEachStore } from "../support/each-store.ts";
import { seededRandom } from "../support/random.ts";
import { repeats } from "../support/repeats.ts";

const stayingUsers = repeats(100_000);
const comingUsers = 2_000;
const chunk = 1_000;

const idOf = (n: number) => `${(n * 7_919) % 1_000_003}-staying`;
// Between the others, wherever the listing is.
const otherId = (n: number) => `${(n * 104_729) % 1_000_003}-coming`;

async function identify(users: Client<typeof UserService>, ids: readonly string[]): Promise<void> {
  async function* requests() {
    for (let from = 0; from < ids.length; from += chunk) {
      yield { requests: ids.slice(from, from + chunk).map((id) => ({ id, properties: { n: from } })) };
    }
  }
  for await (const { failed } of users.batchIdentify(requests())) expect(failed).toBe(0);
}

describeEachStore({ requiredProperties: [] }, (server) => {
  test.each(["listUsers", "scanUsers"] as const)(
    `${stayingUsers} users are in %s once each, while others come and go`,
    async (method) => {
      const connect = () => createClient(UserService, createGrpcTransport({ baseUrl: server().url }));
      const users = connect();
      const staying = Array.from({ length: stayingUsers }, (_, n) => idOf(n));
      await identify(users, staying);

      const others = connect();
      const random = seededRandom(1);
      const some = () => Math.floor(random() * comingUsers);
      const comeAndGo = async () => {
        const coming = Array.from({ length: 20 }, () => otherId(some()));
        await identify(others, [...coming, idOf(some())]);
        await Promise.all(coming.slice(10).map((id) => others.deleteUser({ id, allowMissing: true })));
      };

      const seen: string[] = [];
      let pageToken = "";
      do {
        const request = { pageSize: 1_000, pageToken, onlyProperties: ["none"] };
        const [page] = await Promise.all([users[method](request), comeAndGo()]);
        seen.push(...page.users.map(({ id }) => id));
        pageToken = page.nextPageToken;
      } while (pageToken !== "");

      expect(new Set(seen).size).toBe(seen.length);
      const seenStaying = new Set(seen.filter((id) => id.endsWith("-staying")));
      expect(seenStaying.size).toBe(stayingUsers);
      expect(staying.every((id) => seenStaying.has(id))).toBe(true);
      // Else nothing has come meanwhile.
      expect(seen.length).toBeGreaterThan(stayingUsers);
    },
    120_000,
  );
});
