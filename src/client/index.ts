/** The exports of the package `rollcall`. */

export { Code } from "@connectrpc/connect";
export type { User } from "#gen/rollcall/v1/user_pb.js";
export {
  type BatchIdentifyResult,
  BatchReport,
  type IdentifyError,
  Outcome,
  PreferencesMode,
  UserService,
} from "#gen/rollcall/v1/user_service_pb.js";
export type { UserSource } from "./chunk-window.ts";
export { type ClientOptions, createRollcallClient, type RollcallClient } from "./client.ts";
export { type ReasonName, RollcallError, type RollcallViolation, rollcallErrorOf } from "./errors.ts";
export type { ImportCallbacks, ImportCounts } from "./import-tally.ts";
export { ImportInterrupted, type ImportOptions, importUsers, type KeepOption } from "./import-users.ts";
export type { RetryOptions } from "./retries.ts";
export {
  countUsers,
  findUsers,
  listUsers,
  type PageOfUsers,
  type PagingOptions,
  type ScanFilter,
  scanUsers,
  type UserMatch,
} from "./searches.ts";
export { type ConnectionOptions, createTransport, type Protocol } from "./transport.ts";
export type { UserToImport } from "./write-identify.ts";
