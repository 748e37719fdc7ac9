import { Command } from "commander";
import { serveOptions } from "../config/options.ts";
import type { StoreLocation } from "../config/store-url.ts";
import { CliError } from "./cli-error.ts";
import { print } from "./standard-streams.ts";
import { removeIfStopped } from "./stop-signals.ts";

export function backupCommand(): Command {
  const store = serveOptions.store();
  store.description = "the store to copy: sqlite:PATH";
  return new Command("backup")
    .description("copy an SQLite store to a file, while a server may be using it")
    .argument("<file>", "where to; it must not be there yet")
    .addOption(store)
    .addHelpText(
      "after",
      `
To restore one, stop the server, and let --store name the copy or put the copy in the store's place
(and remove the files beside it that end in -wal and -shm). For Redis, see docs/operating.md.

Examples:
  rollcall backup users.backup.db
  rollcall backup /backups/users.db --store sqlite:/var/lib/rollcall/users.db`,
    )
    .action(backUp);
}

async function backUp(file: string, { store }: { readonly store: StoreLocation }): Promise<void> {
  if (store.kind !== "sqlite") {
    throw new CliError("only an SQLite store can be copied; for Redis, see RDB and AOF in docs/operating.md");
  }
  // A Node that has no SQLite yet can do without, as long as no store is opened.
  const { backUpDatabase } = await import("../store/sqlite/backup.ts");
  try {
    const users = await backUpDatabase(store.path, file, removeIfStopped);
    await print(`${users} users are in ${file}`);
  } catch (error) {
    throw new CliError(`cannot back up: ${error instanceof Error ? error.message : error}`);
  }
}
