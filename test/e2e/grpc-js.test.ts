/** A gRPC client that shares no code with the server: grpc-js, with the contract loaded at run time. */
import {
  type Client,
  compressionAlgorithms,
  credentials,
  loadPackageDefinition,
  Metadata,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ada, startTestServer, type TestServer } from "../support/server.ts";

const root = new URL("../../", import.meta.url).pathname;
const options = { keepCase: true, enums: String, longs: Number, defaults: true };
const includeDirs = ["proto", "node_modules/google-proto-files", "node_modules/grpc-health-check/proto"];
// biome-ignore lint/suspicious/noExplicitAny: a client made at run time has no types
const definitions: any = loadPackageDefinition(
  loadSync(["rollcall/v1/user_service.proto", "health/v1/health.proto"], {
    ...options,
    includeDirs: includeDirs.map((directory) => root + directory),
  }),
);

let server: TestServer;
// biome-ignore lint/suspicious/noExplicitAny: a client made at run time has no types
let users: any;
let clients: Client[];
beforeAll(async () => {
  server = await startTestServer();
  users = new definitions.rollcall.v1.UserService(`127.0.0.1:${server.port}`, credentials.createInsecure());
  clients = [users];
});
afterAll(async () => {
  for (const client of clients) client.close();
  await server.stop();
});

/** Struct as proto-loader gives it. */
const text = (value: string) => ({ stringValue: value });
const struct = (fields: Record<string, object>) => ({ fields });
const adaStruct = struct({ name: text(ada.name), email: text(ada.email), n: { numberValue: 1.5 } });

type Outcome = { answer?: Record<string, unknown>; error?: ServiceError };
const call = (method: string, request: object, deadlineMs = 10_000): Promise<Outcome> =>
  new Promise((resolve) => {
    const deadline = { deadline: Date.now() + deadlineMs };
    users[method](request, new Metadata(), deadline, (error: ServiceError | null, answer: Record<string, unknown>) => {
      resolve(error === null ? { answer } : { error });
    });
  });

test("identifies a user and reads it back", async () => {
  const identified = await call("Identify", { id: "u1", properties: adaStruct });
  expect(identified.answer).toMatchObject({ outcome: "OUTCOME_CREATED", user: { id: "u1" } });
  const { answer } = await call("GetUser", { id: "u1" });
  expect(answer).toMatchObject({
    user: {
      id: "u1",
      properties: { fields: { name: { stringValue: "Ada" }, n: { numberValue: 1.5 } } },
      preferences: { fields: {} },
    },
  });
});

test("sees an error's code, message and details", async () => {
  const { error } = await call("GetUser", { id: "nobody" });
  expect(error).toMatchObject({ code: status.NOT_FOUND, details: "there is no user with this id" });
  const [details] = error?.metadata.get("grpc-status-details-bin") ?? [];
  expect(String(details)).toContain("type.googleapis.com/google.rpc.ErrorInfo");
  expect(String(details)).toContain("USER_NOT_FOUND");
  const refused = await call("Identify", { id: "u2", properties: struct({ name: text("x") }) });
  expect(refused.error?.code).toBe(status.INVALID_ARGUMENT);
  expect(String(refused.error?.metadata.get("grpc-status-details-bin")[0])).toContain("properties.email");
});

test.each([
  ["straight", compressionAlgorithms.identity],
  ["through Connect", compressionAlgorithms.gzip],
])("reads an error's message as it was meant, %s", async (_, algorithm) => {
  const compressing = { "grpc.default_compression_algorithm": algorithm };
  const address = `127.0.0.1:${server.port}`;
  const client = new definitions.rollcall.v1.UserService(address, credentials.createInsecure(), compressing);
  clients.push(client);
  const name = `50 % off; a:b, c/d?e=f&g @ "é" 𝄞 %3B`;
  const properties = struct({ ...adaStruct.fields, [name]: { numberValue: Number.NaN } });
  const error = await new Promise((resolve) => client.Identify({ id: "u", properties }, resolve));
  expect(error).toMatchObject({
    code: status.INVALID_ARGUMENT,
    details: `properties[${JSON.stringify(name)}]: is not a finite number`,
  });
});

test("imports through a stream, and each message is answered in order", async () => {
  const stream = users.BatchIdentify();
  const answers: Record<string, unknown>[] = [];
  const ended = new Promise<void>((resolve, reject) => {
    stream.on("data", (answer: Record<string, unknown>) => answers.push(answer));
    stream.on("end", resolve);
    stream.on("error", reject);
  });
  for (let message = 0; message < 20; message++) {
    const requests = Array.from({ length: 50 }, (_, n) => ({ id: `batch-${message}-${n}`, properties: adaStruct }));
    stream.write({ requests: [...requests, { id: "", properties: adaStruct }] });
  }
  stream.end();
  await ended;
  expect(answers.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 20 }, (_, n) => n));
  for (const answer of answers) {
    expect(answer).toMatchObject({
      created: 50,
      failed: 1,
      results: [{ index: 50, error: { reason: "INVALID_ID", code: 3 } }],
    });
  }
});

test("a hundred calls at a time on one connection all succeed", async () => {
  await call("Identify", { id: "many", properties: adaStruct });
  const outcomes = await Promise.all(
    Array.from({ length: 100 }, (_, n) =>
      call("Identify", { id: "many", properties: struct({ n: { numberValue: n } }) }),
    ),
  );
  expect(outcomes.every(({ answer }) => answer?.["outcome"] === "OUTCOME_UPDATED")).toBe(true);
});

test("asks for the server's health", async () => {
  const health = new definitions.grpc.health.v1.Health(`127.0.0.1:${server.port}`, credentials.createInsecure());
  clients.push(health);
  const check = (service: string) =>
    new Promise((resolve) => {
      health.Check({ service }, (error: ServiceError | null, answer: object) => resolve(error?.code ?? answer));
    });
  expect(await check("")).toEqual({ status: "SERVING" });
  expect(await check("rollcall.v1.UserService")).toEqual({ status: "SERVING" });
  expect(await check("other")).toBe(status.NOT_FOUND);
});
