import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { startTestServer } from "../support/server.ts";

test("the example of a first call works", async () => {
  const server = await startTestServer();
  try {
    const example = new URL("../../examples/first-call.ts", import.meta.url).pathname;
    const env = { ...process.env, ROLLCALL_SERVER: server.url };
    const { stdout } = await promisify(execFile)(process.execPath, [example], { env });
    expect(stdout).toBe("{ email: 'ada@example.com', name: 'Ada', plan: 'pro' }\n");
  } finally {
    await server.stop();
  }
});
