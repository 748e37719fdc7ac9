/** A database that a server may be using, opened to be read. */
import { statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { applicationId } from "./database.ts";

/** @throws Error if there is no database of ours */
export function openReadOnly(path: string): DatabaseSync {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new Error(`there is no database ${path}`);
  // To open a pipe waits for whoever writes into it.
  if (!found.isFile()) throw new Error(`${path} is not a file`);
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const application = database.prepare("PRAGMA application_id").get()?.["application_id"];
    if (application !== applicationId) throw new Error(`${path} is not ours`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
