import { ServerReflection } from "#gen-server/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionV1Alpha } from "#gen-server/grpc/reflection/v1alpha/reflection_pb.js";
import { Health } from "#gen-server/health/v1/health_pb.js";

/** They ask for credentials if the operator wants it. */
export const reflectionServices: ReadonlySet<string> = new Set([
  ServerReflection.typeName,
  ServerReflectionV1Alpha.typeName,
]);

/** Services that callers may use without credentials. No request to them needs much. */
export const openServices: ReadonlySet<string> = new Set([Health.typeName, ...reflectionServices]);
