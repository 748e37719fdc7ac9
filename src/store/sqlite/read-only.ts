/** Opens a database for reading, also while a server uses it. */
import { statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { applicationId } from "./database.ts";
import { explained } from "./failures.ts";

const another = "name another file in --store";

/** @throws Error, with the cause and the next step, if there is no readable Rollcall database */
export function openReadOnly(path: string): DatabaseSync {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new Error(`there is no database ${path}; ${another}`);
  // Opening a pipe would wait for a writer.
  if (!found.isFile()) throw new Error(`${path} is not a file; ${another}`);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: true });
    const application = database.prepare("PRAGMA application_id").get()?.["application_id"];
    if (application !== applicationId) throw new Error(`is not ours: ${another}`);
    return database;
  } catch (error) {
    database?.close();
    throw new Error(`${path}: ${explained(error)}`, { cause: error });
  }
}
