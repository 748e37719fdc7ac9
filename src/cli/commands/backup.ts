import { Command } from "@commander-js/extra-typings";
import { addOptions, type ValuesOf } from "../../config/declare-options.ts";
import { backupOptions } from "../../config/options.ts";
import { CliError } from "../cli-error.ts";
import { print } from "../standard-streams.ts";
import { removeIfStopped } from "../stop-signals.ts";

const help = `
To restore a copy, stop the server. Then name the copy with --store, or put it in the store's place and remove the files
beside it that end in -wal and -shm. For Redis, see docs/operating.md.

Examples:
  rollcall backup users.backup.db
  rollcall backup /backups/users.db --store sqlite:/var/lib/rollcall/users.db`;

export function backupCommand() {
  const command = new Command("backup")
    .description("copy an SQLite store to a file, also while a server uses it")
    .argument("<file>", "the copy; must not exist yet");
  return addOptions(command, backupOptions).addHelpText("after", help).action(backUp);
}

async function backUp(file: string, { store }: ValuesOf<typeof backupOptions>): Promise<void> {
  if (store.kind !== "sqlite") {
    throw new CliError("only an SQLite store can be copied; for Redis, see RDB and AOF in docs/operating.md");
  }
  // Some versions of Node lack SQLite: load it only where a store is opened.
  const { backUpDatabase } = await import("../../store/sqlite/backup.ts");
  try {
    const users = await backUpDatabase(store.path, file, removeIfStopped);
    await print(`${users} users are in ${file}`);
  } catch (error) {
    throw new CliError(`cannot back up: ${error instanceof Error ? error.message : error}`);
  }
}
