import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, file_google_protobuf_descriptor } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { pino } from "pino";
import { afterAll, describe, expect, test } from "vitest";
import { UserService } from "#gen/rollcall/v1/user_service_pb.js";
import { ServerReflection } from "#gen-server/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionV1Alpha } from "#gen-server/grpc/reflection/v1alpha/reflection_pb.js";
import { createTransport } from "../../src/client/transport.ts";
import { Turns } from "../../src/rpc/guard/turns.ts";
import { reflectionRoutes } from "../../src/rpc/services/reflection.ts";
import { mount } from "../conformance/mount.ts";

const draining = new AbortController();
const served = await mount({
  routes: reflectionRoutes([UserService], [file_google_protobuf_descriptor], new Turns()),
  methods: [],
  access: {},
  logger: pino({ level: "silent" }),
  draining: draining.signal,
});
const transport = createTransport({ server: `http://127.0.0.1:${served.port}` });
afterAll(() => served.drain());
const contract = "rollcall/v1/user_service.proto";
const users = "rollcall/v1/user.proto";
const struct = "google/protobuf/struct.proto";
const timestamp = "google/protobuf/timestamp.proto";
const descriptor = "google/protobuf/descriptor.proto";

type Question =
  | { case: "fileByFilename" | "fileContainingSymbol" | "allExtensionNumbersOfType" | "listServices"; value: string }
  | { case: "fileContainingExtension"; value: { containingType: string; extensionNumber: number } }
  | { case: undefined };

async function* requests(questions: Question[]) {
  for (const messageRequest of questions) yield { host: "here", messageRequest };
}

const versions = {
  v1: (questions: Question[]) => createClient(ServerReflection, transport).serverReflectionInfo(requests(questions)),
  v1alpha: (questions: Question[]) =>
    createClient(ServerReflectionV1Alpha, transport).serverReflectionInfo(requests(questions)),
};

describe.each(Object.entries(versions))("reflection %s", (_version, ask) => {
  async function answerTo(question: Question) {
    const answers = [];
    for await (const answer of ask([question])) answers.push(answer);
    expect(answers).toHaveLength(1);
    return answers[0]!.messageResponse;
  }
  async function filesOf(question: Question): Promise<string[]> {
    for await (const { messageResponse } of ask([question])) {
      if (messageResponse.case !== "fileDescriptorResponse") throw new Error(`answered ${messageResponse.case}`);
      return messageResponse.value.fileDescriptorProto.map(
        (bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name,
      );
    }
    throw new Error("no answer");
  }

  test("lists the services", async () => {
    expect(await answerTo({ case: "listServices", value: "" })).toMatchObject({
      case: "listServicesResponse",
      value: { service: [{ name: "rollcall.v1.UserService" }] },
    });
  });

  test("answers for a file with everything that it imports, once each, the file first", async () => {
    const files = await filesOf({ case: "fileByFilename", value: contract });
    expect(files[0]).toBe(contract);
    expect(files.slice(1).sort()).toEqual([struct, timestamp, users]);
    expect(await filesOf({ case: "fileByFilename", value: struct })).toEqual([struct]);
  });

  test.each([
    ["a service", "rollcall.v1.UserService", contract],
    ["a method", "rollcall.v1.UserService.Identify", contract],
    ["a message", "rollcall.v1.User", users],
    ["a field", "rollcall.v1.User.properties", users],
    ["a oneof", "rollcall.v1.Precondition.condition", users],
    ["an enum", "rollcall.v1.Outcome", contract],
    ["an enum's value", "rollcall.v1.OUTCOME_CREATED", contract],
    ["an imported message", "google.protobuf.Struct", struct],
    ["a nested message", "google.protobuf.DescriptorProto.ExtensionRange", descriptor],
    ["a nested enum", "google.protobuf.FieldDescriptorProto.Type", descriptor],
    ["a nested enum's value", "google.protobuf.FieldDescriptorProto.TYPE_BOOL", descriptor],
  ])("finds the file that defines %s", async (_kind, symbol, file) => {
    expect((await filesOf({ case: "fileContainingSymbol", value: symbol }))[0]).toBe(file);
  });

  test.each<Question>([
    { case: "fileByFilename", value: "rollcall/v1/other.proto" },
    { case: "fileContainingSymbol", value: "rollcall.v1" },
    { case: "fileContainingSymbol", value: "rollcall.v1.UserService.Nothing" },
    { case: "fileContainingSymbol", value: "__proto__" },
    { case: "fileContainingSymbol", value: "" },
    { case: "fileContainingExtension", value: { containingType: "rollcall.v1.User", extensionNumber: 1 } },
    { case: "allExtensionNumbersOfType", value: "rollcall.v1.Nothing" },
  ])("answers NOT_FOUND to $case $value", async (question) => {
    const notFound = { case: "errorResponse", value: { errorCode: Code.NotFound } };
    expect(await answerTo(question)).toMatchObject(notFound);
  });

  test("knows no extensions of a message", async () => {
    expect(await answerTo({ case: "allExtensionNumbersOfType", value: "rollcall.v1.User" })).toMatchObject({
      case: "allExtensionNumbersResponse",
      value: { baseTypeName: "rollcall.v1.User", extensionNumber: [] },
    });
  });

  test("answers INVALID_ARGUMENT to a request that asks for nothing", async () => {
    const invalid = { case: "errorResponse", value: { errorCode: Code.InvalidArgument } };
    expect(await answerTo({ case: undefined })).toMatchObject(invalid);
  });

  test("goes on after an error, in order, and repeats the request in each answer", async () => {
    const questions: Question[] = [
      { case: "fileByFilename", value: "missing" },
      { case: "fileByFilename", value: struct },
      { case: "listServices", value: "*" },
    ];
    const answers = [];
    for await (const answer of ask(questions)) answers.push(answer);
    expect(answers).toMatchObject([
      { messageResponse: { case: "errorResponse" } },
      { messageResponse: { case: "fileDescriptorResponse" } },
      { messageResponse: { case: "listServicesResponse" } },
    ]);
    for (const [n, { validHost, originalRequest }] of answers.entries()) {
      expect(validHost).toBe("here");
      expect(originalRequest).toMatchObject({ host: "here", messageRequest: questions[n] });
    }
  });
});

test("idle streams end with the server's reason when it drains", async () => {
  const left = Promise.withResolvers<void>();
  async function* oneAndThenNothing() {
    yield { messageRequest: { case: "listServices", value: "" } } as const;
    await left.promise;
  }
  const streams = [ServerReflection, ServerReflectionV1Alpha].map((service) =>
    createClient(service, transport).serverReflectionInfo(oneAndThenNothing())[Symbol.asyncIterator](),
  );
  for (const answers of streams) {
    expect((await answers.next()).value?.messageResponse.case).toBe("listServicesResponse");
  }
  const nexts = streams.map((answers) => answers.next());
  draining.abort(new ConnectError("stopping", Code.Unavailable));
  for (const next of nexts) {
    await expect(next).rejects.toMatchObject({ code: Code.Unavailable, rawMessage: "stopping" });
  }
  left.resolve();
});
