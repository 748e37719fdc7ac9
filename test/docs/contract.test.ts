/** docs/contract.md: its commands, run in its order, answer what it says. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { startTestServer, type TestServer } from "../support/server.ts";

const run = promisify(execFile);
const text = readFileSync(new URL("../../docs/contract.md", import.meta.url), "utf8");
const examples = [...text.matchAll(/```sh\n(.*?)```\n\n```json\n(.*?)```/gs)].map(([, command = "", answer = ""]) => ({
  command,
  answer,
}));

/** What differs each time. The document's values stand for the real ones, also in later commands. */
const varying = new Set(["etag", "created_at", "updated_at"]);
const real = new Map<string, string>();

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

/** JSON values that stand one after the other. */
function jsonValues(source: string): JsonValue[] {
  return source
    .trim()
    .split(/(?<=^\}|\})\n?(?=^\{|\{)/m)
    .map((value) => JSON.parse(value));
}

/** The document's answer with the real values in the place of its own. */
function withRealValues(documented: JsonValue, answer: JsonValue | undefined): JsonValue {
  if (Array.isArray(documented)) {
    return documented.map((item, index) => withRealValues(item, Array.isArray(answer) ? answer[index] : undefined));
  }
  if (typeof documented !== "object" || documented === null) return documented;
  const beside: JsonObject = typeof answer === "object" && answer !== null && !Array.isArray(answer) ? answer : {};
  const entries = Object.entries(documented).map(([key, value]) => {
    if (!varying.has(key)) return [key, withRealValues(value, beside[key])] as const;
    const known = real.get(String(value)) ?? String(beside[key]);
    real.set(String(value), known);
    return [key, known] as const;
  });
  return Object.fromEntries(entries);
}

/** Without the binary form of errors' details, which the document leaves out. */
function withoutDetailValues(answer: JsonValue): JsonValue {
  return JSON.parse(JSON.stringify(answer), function (this: JsonObject, key: string, value: JsonValue) {
    return key === "value" && "debug" in this ? undefined : value;
  });
}

test("shows every method", () => {
  const documented = UserService.methods.filter(({ name }) =>
    examples.some(({ command }) => command.includes(`/${name}`)),
  );
  expect(documented).toEqual(UserService.methods);
  expect(text.match(/```sh/g)).toHaveLength(examples.length);
});

test("answers as it says", async () => {
  for (const { command, answer } of examples) {
    let actual = command.replaceAll("localhost:50051", `127.0.0.1:${server.port}`);
    for (const [documented, value] of real) actual = actual.replaceAll(documented, value);
    const { stdout } = await run("bash", ["-c", actual]);
    const answers = jsonValues(stdout).map(withoutDetailValues);
    const expected = jsonValues(answer).map((value, index) => withRealValues(value, answers[index]));
    expect(answers, command).toEqual(expected);
  }
  expect(new Set(real.values()).size).toBe(real.size);
});
