/** What tests of both versions share: their servers and commands, and the stores that both can open. */
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { temporaryFolder } from "../support/files.ts";
import { redisWith } from "../support/for-one-test.ts";
import { rollcallOld, serveOld } from "../support/old-version.ts";
import { rollcall, type ServeProcess, serve } from "../support/processes.ts";

/** URLs of empty stores, gone after the test. */
export const emptyStores = {
  SQLite: async () => `sqlite:${join(temporaryFolder(), "users.db")}`,
  Redis: async () => (await redisWith()).url,
} as const;

/** Starts a server, which ends with the test at the latest. */
export const starts = {
  old: (store: string, ...args: string[]) => running(serveOld(store, args)),
  present: (store: string, ...args: string[]) => running(serve(store, args)),
} as const;

async function running(starting: Promise<ServeProcess>): Promise<ServeProcess> {
  const server = await starting;
  onTestFinished(async () => {
    await server.stop();
  });
  return server;
}

/** What `rollcall verify` of each version ends with: nothing printed means that all is well. */
export async function verifiedByBoth(store: string) {
  const verify = ["verify", "--store", store];
  const [old, present] = await Promise.all([rollcallOld(verify), rollcall(verify)]);
  return { old: printedBy(old), present: printedBy(present) };
}

const printedBy = ({ status, stdout }: { status: number | null; stdout: string }) => ({ status, stdout });

export const clean = { old: { status: 0, stdout: "" }, present: { status: 0, stdout: "" } } as const;
