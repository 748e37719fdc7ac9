import { ConnectError } from "@connectrpc/connect";
import { expect, onTestFinished, test } from "vitest";
import { createUserClient, ImportInterrupted, type ImportItem, importUsers } from "../../src/client/index.ts";
import { startRedis } from "../support/redis.ts";
import { ada, startTestServer } from "../support/server.ts";

const item = (position: number): ImportItem<number> => ({ position, id: `u${position}`, properties: ada, size: 50 });
const nothingRefused = (position: number) => expect.fail(`item ${position} was refused`);

test("an import whose store goes away says where to go on, and goes on from there", async () => {
  const redis = await startRedis({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
  onTestFinished(() => redis.stop());
  const server = await startTestServer({ store: redis.url });
  onTestFinished(() => server.stop());
  const client = createUserClient(server.url);

  async function* endless() {
    for (let position = 0; ; position++) yield item(position);
  }
  const interrupted: unknown = await importUsers(client, endless(), {
    onRefused: nothingRefused,
    onProgress: ({ created }) => {
      if (created === 1_000) redis.kill("SIGKILL");
    },
  }).catch((error: unknown) => error);
  if (!(interrupted instanceof ImportInterrupted)) expect.fail(`not interrupted: ${interrupted}`);
  expect(ConnectError.from(interrupted.cause)).toMatchObject({ rawMessage: expect.stringContaining("not available") });
  const { counts, firstUnanswered } = interrupted;
  expect(firstUnanswered).toBe(counts.created + counts.unchanged);
  expect(counts.created).toBeGreaterThanOrEqual(1_000);

  await redis.restart();
  async function* rest() {
    for (let position = Number(firstUnanswered); position < Number(firstUnanswered) + 1_000; position++) {
      yield item(position);
    }
  }
  const again = await importUsers(client, rest(), { onRefused: nothingRefused });
  expect(again.created + again.unchanged).toBe(1_000);
  const ids = Array.from({ length: 1_000 }, (_, index) => `u${Number(firstUnanswered) - 1_000 + index}`);
  expect((await client.batchGetUsers({ ids })).users).toHaveLength(1_000);
});

test("what the source of an import fails with comes out as it is", async () => {
  const server = await startTestServer();
  onTestFinished(() => server.stop());
  const failure = new Error("the file ended in the middle of a line");
  async function* failing() {
    yield item(0);
    throw failure;
  }
  const importing = importUsers(createUserClient(server.url), failing(), { onRefused: nothingRefused });
  await expect(importing).rejects.toBe(failure);
});
