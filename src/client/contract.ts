/**
 * The contract's messages and UserService, and what reads its errors, with nothing of Node: for browsers, over a transport of
 * `@connectrpc/connect-web`.
 */
export { Code } from "@connectrpc/connect";
export * from "#gen/rollcall/v1/errors_pb.js";
export * from "#gen/rollcall/v1/user_pb.js";
export * from "#gen/rollcall/v1/user_service_pb.js";
export { type ReasonName, RollcallError, type RollcallViolation, rollcallErrorOf } from "./errors.ts";
export { withRequestChecks } from "./request-checks.ts";
