import type { PackedWriter } from "../packed/buffer.ts";
import { codeOfPart, found } from "../packed/users.ts";
import { writeUser } from "./apply-command.ts";
import { isCorrupt } from "./failures.ts";
import type { UserTable } from "./user-table.ts";

/** Writes what the table has for an id, packed. */
export function writeFound(writer: PackedWriter, users: UserTable, id: string): void {
  const row = find(users, id);
  if (row === undefined) writer.u8(found.none);
  else if ("damaged" in row) writer.u8(found.damaged).u8(codeOfPart(row.damaged));
  else writeUser(writer, row);
}

function find(users: UserTable, id: string): ReturnType<UserTable["find"]> {
  try {
    return users.find(id);
  } catch (error) {
    if (isCorrupt(error)) return { damaged: "record", etag: undefined };
    throw error;
  }
}
