/** Random and nearly right requests to every method: clean errors, no crash, nothing of them in the log. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { createFuzzer, fuzzedPaths, marker } from "../support/fuzz-inputs.ts";
import { type ServeProcess, serve } from "../support/processes.ts";
import { seededRandom } from "../support/random.ts";
import { openSession, type RawCall, rawCall } from "../support/raw-calls.ts";
import { repeats } from "../support/repeats.ts";
import { ada } from "../support/server.ts";

const inputs = repeats(50_000);
const sessions = 4;
const callsAtOnce = 16;

let directory: string;
let server: ServeProcess;
let log = "";
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "rollcall-fuzz-"));
  server = await serve(`sqlite:${join(directory, "users.db")}`, ["--log-level", "debug"], (piece) => {
    log += piece;
  });
});
afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true });
});

test(`${inputs} inputs are answered with clean errors`, async () => {
  const seed = Number(process.env["TEST_SEED"] ?? 1);
  const next = createFuzzer(seededRandom(seed));
  const outcomes = new Map<string, number>();
  const paths = new Set<string>();
  const unclean: string[] = [];
  let sent = 0;

  const send = async (session: Awaited<ReturnType<typeof openSession>>) => {
    while (sent < inputs && unclean.length < 10) {
      const number = sent++;
      const call = next();
      paths.add(call.path);
      const { outcome, message } = await rawCall(session, call).catch((error: unknown) => ({
        outcome: `failed: ${error}`,
        message: "",
      }));
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (!clean.has(outcome) && !message.startsWith(saidWithoutEncoding))
        unclean.push(`TEST_SEED=${seed}, input ${number}: ${outcome} for ${describe(call)}`);
    }
  };
  const workers = Array.from({ length: sessions }, async () => {
    const session = await openSession(server.url);
    await Promise.all(Array.from({ length: callsAtOnce }, () => send(session)));
    session.close();
  });
  await Promise.all(workers);

  expect(unclean).toEqual([]);
  expect(sent).toBe(inputs);
  expect([...paths].sort()).toEqual([...fuzzedPaths].sort());
  // Else they were all alike.
  for (const outcome of ["ok", "invalid_argument", "not_found"]) {
    expect(outcomes.get(outcome)).toBeGreaterThan(inputs / 100);
  }

  const users = createClient(UserService, createGrpcTransport({ baseUrl: server.url }));
  expect(await users.identify({ id: "afterwards", properties: ada })).toMatchObject({ user: { id: "afterwards" } });
  expect(server.child.exitCode).toBeNull();
  const lines = log.trim().split("\n");
  expect(lines.length).toBeGreaterThan(inputs / 2);
  expect(lines.filter((line) => JSON.parse(line).level >= 40)).toEqual([]);
  expect(lines.filter((line) => line.includes(marker) || line.includes("example.com"))).toEqual([]);
}, 240_000);

const clean = new Set([
  ..."ok invalid_argument failed_precondition not_found already_exists aborted unimplemented".split(" "),
  ..."resource_exhausted deadline_exceeded".split(" "),
  "unsupported media type",
]);
/** INTERNAL by the rules of gRPC and Connect: a message marked as compressed, without a word on how. */
const saidWithoutEncoding = "received compressed envelope";

function describe({ path, headers, body }: RawCall): string {
  return `${path} ${JSON.stringify(headers)} ${Buffer.from(body).toString("hex")}`;
}
