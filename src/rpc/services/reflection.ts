/** grpc.reflection.v1 and v1alpha: https://github.com/grpc/grpc/blob/master/doc/server-reflection.md */
import {
  type DescEnum,
  type DescExtension,
  type DescFile,
  type DescMessage,
  type DescService,
  toBinary,
} from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { ServerReflection, type ServerReflectionRequest } from "#gen-server/grpc/reflection/v1/reflection_pb.js";
import {
  type ServerReflectionRequest as ServerReflectionRequestV1Alpha,
  ServerReflection as ServerReflectionV1Alpha,
} from "#gen-server/grpc/reflection/v1alpha/reflection_pb.js";
import { callOf } from "../connect/call-values.ts";
import { inTurns, type Turns } from "../guard/turns.ts";
import { orderedPipeline } from "../ordered-pipeline.ts";

/** The work of one answer, in bytes to decode. */
const turnCost = 64 * 1024;

type Request = ServerReflectionRequest | ServerReflectionRequestV1Alpha;
/** The contents of both versions' responses. */
type Answer =
  | { case: "listServicesResponse"; value: { service: { name: string }[] } }
  | { case: "fileDescriptorResponse"; value: { fileDescriptorProto: Uint8Array[] } }
  | { case: "allExtensionNumbersResponse"; value: { baseTypeName: string; extensionNumber: number[] } }
  | { case: "errorResponse"; value: { errorCode: Code; errorMessage: string } };

/**
 * @param files to describe, beside those of the services; what they import is described too
 * @param turns shared by the requests of all streams
 */
export function reflectionRoutes(
  services: readonly DescService[],
  files: readonly DescFile[],
  turns: Turns,
): (router: ConnectRouter) => void {
  const byName = new Map<string, DescFile>();
  for (const file of [...services.map((service) => service.file), ...files]) addWithImports(file, byName);
  const bySymbol = new Map([...byName.values()].flatMap((file) => symbols(file).map((symbol) => [symbol, file])));

  const answer = ({ case: asked, value }: Request["messageRequest"]): Answer => {
    switch (asked) {
      case "listServices":
        return { case: "listServicesResponse", value: { service: services.map(({ typeName: name }) => ({ name })) } };
      case "fileByFilename":
        return descriptors(byName.get(value), value);
      case "fileContainingSymbol":
        return descriptors(bySymbol.get(value), value);
      case "fileContainingExtension":
        return failure(Code.NotFound, `${value.containingType} has no extension ${value.extensionNumber}`);
      case "allExtensionNumbersOfType":
        return bySymbol.has(value)
          ? { case: "allExtensionNumbersResponse", value: { baseTypeName: value, extensionNumber: [] } }
          : failure(Code.NotFound, `there is no ${value}`);
      default:
        return failure(Code.InvalidArgument, "the request asks for nothing");
    }
  };
  function answers<R extends Request>(requests: AsyncIterable<R>, context: HandlerContext) {
    const call = callOf(context);
    return call.environment.work.watched(call, (stop) =>
      orderedPipeline(
        inTurns(requests, turns, () => turnCost),
        async (originalRequest) => {
          const { host: validHost, messageRequest } = originalRequest;
          return { validHost, originalRequest, messageResponse: answer(messageRequest) };
        },
        { maxInFlight: 1, stop },
      ),
    );
  }
  return (router) => {
    router.rpc(ServerReflection.method.serverReflectionInfo, answers);
    router.rpc(ServerReflectionV1Alpha.method.serverReflectionInfo, answers);
  };
}

function addWithImports(file: DescFile, into: Map<string, DescFile>): void {
  const name = file.proto.name;
  if (into.has(name)) return;
  into.set(name, file);
  for (const imported of file.dependencies) addWithImports(imported, into);
}

/** The full names of everything that a file defines. */
function symbols(file: DescFile): string[] {
  return [...nestedTypes(file)].flatMap((type) => [type.typeName, ...parts(type)]);
}

/** The full names of a type's methods, fields and oneofs, or values. */
function parts(type: DescService | DescMessage | DescEnum | DescExtension): string[] {
  switch (type.kind) {
    case "service":
      return type.methods.map((method) => `${type.typeName}.${method.name}`);
    case "message":
      return [...type.fields, ...type.oneofs].map((member) => `${type.typeName}.${member.name}`);
    case "enum": {
      // A value's full name is a sibling of its enum's.
      const scope = type.typeName.slice(0, type.typeName.lastIndexOf(".") + 1);
      return type.values.map((value) => scope + value.name);
    }
    case "extension":
      return [];
  }
}

/** A file and everything that it imports, the file itself first. */
function descriptors(file: DescFile | undefined, asked: string): Answer {
  if (file === undefined) return failure(Code.NotFound, `there is no ${asked}`);
  const files = new Map<string, DescFile>();
  addWithImports(file, files);
  const fileDescriptorProto = [...files.values()].map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
}

function failure(errorCode: Code, errorMessage: string): Answer {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}
