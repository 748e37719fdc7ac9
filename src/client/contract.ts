/**
 * The contract's messages, UserService and errors, without Node: for browsers, over a transport of
 * `@connectrpc/connect-web`.
 */
export { Code } from "@connectrpc/connect";
export * from "#gen/rollcall/v1/errors_pb.js";
export * from "#gen/rollcall/v1/user_pb.js";
export * from "#gen/rollcall/v1/user_service_pb.js";
export { type ReasonName, RollcallError, type RollcallViolation, rollcallErrorOf } from "./errors.ts";
export { withRequestChecks } from "./request-checks.ts";
