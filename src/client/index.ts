/** What a TypeScript caller of Rollcall imports. */
export { type ConnectionOptions, createTransport, createUserClient, type UserClient } from "./client.ts";
export {
  type ImportCounts,
  ImportInterrupted,
  type ImportItem,
  type ImportOptions,
  importUsers,
} from "./import-users.ts";
