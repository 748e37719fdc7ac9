/** The same users as NDJSON, as CSV, and as messages of BatchIdentify that need only be sent. */
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { create, type JsonValue, toBinary } from "@bufbuild/protobuf";
import { stringify } from "csv-stringify/sync";
import { BatchIdentifyRequestSchema } from "#gen/rollcall/v1/user_service_pb.js";
import { enveloped } from "../support/grpc-streams.ts";
import { type ImportedRow, importedRows, otherNames } from "./rows.ts";

/** As the importer sends them. */
const usersPerMessage = 500;
const rowsAtOnce = 500;

export function writeNdjson(file: string, count: number, seed: number): Promise<void> {
  return write(file, importedRows(count, seed), (rows) => rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}

/** Each cell but the id is JSON. */
export async function writeCsv(file: string, count: number, seed: number): Promise<void> {
  const names = ["name", "email", ...otherNames];
  const cell = (value: JsonValue | undefined) => (value === undefined ? "" : JSON.stringify(value));
  const record = ({ id, properties }: ImportedRow) => [id, ...names.map((name) => cell(properties[name]))];
  let isFirst = true;
  await write(file, importedRows(count, seed), (rows) => {
    const records = rows.map(record);
    if (isFirst) records.unshift(["id", ...names]);
    isFirst = false;
    return stringify(records);
  });
}

/** One message after the other, each with gRPC's prefix. */
export function writeMessages(file: string, count: number, seed: number): Promise<void> {
  return write(file, importedRows(count, seed), (rows) => {
    const request = create(BatchIdentifyRequestSchema, { requests: rows.map((row) => ({ ...row })) });
    return enveloped(toBinary(BatchIdentifyRequestSchema, request));
  });
}

async function write(
  file: string,
  rows: Iterable<ImportedRow>,
  encode: (rows: ImportedRow[]) => string | Buffer,
): Promise<void> {
  const size = Math.max(usersPerMessage, rowsAtOnce);
  await pipeline(function* () {
    let some: ImportedRow[] = [];
    for (const row of rows) {
      some.push(row);
      if (some.length < size) continue;
      yield encode(some);
      some = [];
    }
    if (some.length > 0) yield encode(some);
  }, createWriteStream(file));
}
