import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRollcallClient } from "../../src/client/index.ts";
import { serve } from "../support/processes.ts";
import { ada } from "../support/server.ts";

const usersInChunk = 100;
const answersBeforeTheCrash = 10;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "rollcall-crash-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

const chunk = (number: number) =>
  Array.from({ length: usersInChunk }, (_, n) => ({ id: `${number}-${n}`, properties: { ...ada, number, n } }));

test("kill -9 during an import on SQLite loses no answered chunk", async () => {
  const store = `sqlite:${join(directory, "users.db")}`;
  const first = await serve(store);
  let answered = 0;
  let sent = 0;
  async function* endless() {
    for (;;) yield { requests: chunk(sent++) };
  }
  try {
    for await (const { created } of createRollcallClient(first.url).batchIdentify(endless())) {
      expect(created).toBe(usersInChunk);
      answered++;
      if (answered === answersBeforeTheCrash) first.child.kill("SIGKILL");
    }
    expect.fail("the stream ended well although the server was killed");
  } catch (error) {
    expect(error).toMatchObject({ name: "ConnectError" });
  }
  await first.stop("SIGKILL");
  expect(answered).toBeGreaterThanOrEqual(answersBeforeTheCrash);
  expect(sent).toBeGreaterThan(answered);

  const second = await serve(store);
  try {
    async function* again() {
      for (let number = 0; number < answered; number++) yield { requests: chunk(number) };
    }
    let unchanged = 0;
    for await (const answer of createRollcallClient(second.url).batchIdentify(again())) unchanged += answer.unchanged;
    expect(unchanged).toBe(answered * usersInChunk);
  } finally {
    await second.stop();
  }
});
