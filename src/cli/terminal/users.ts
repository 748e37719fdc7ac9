/** Users on a terminal, for people to read. */
import type { WriteStream } from "node:tty";
import { styleText } from "node:util";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import type { User } from "#gen/rollcall/v1/user_pb.js";
import { printable } from "../../config/invisible.ts";
import { fitted, padded, widest } from "./text.ts";

const usualColumns = 80;
const gap = "  ";
/** The share of a table's width that ids take at most. */
const idShare = 0.4;

/** One user: a line for each property. */
export function userCard(user: User, stream: WriteStream): readonly string[] {
  const columns = stream.columns || usualColumns;
  const bold = (text: string) => styleText("bold", text, { stream });
  const dim = (text: string) => styleText("dim", text, { stream });
  const times = [
    ["created", timeOf(user.createdAt)],
    ["updated", timeOf(user.updatedAt)],
    ["etag", printable(user.etag)],
  ] as const;
  const about = times.map(([name, value]) => `${name} ${value}`).join(gap);
  return [
    bold(printable(user.id)),
    dim(fitted(`${gap}${about}`, columns)),
    ...values("properties", user.properties ?? {}),
    ...values("preferences", user.preferences ?? {}),
  ];

  function values(title: string, of: JsonObject): string[] {
    const names = Object.keys(of).map(printable);
    if (names.length === 0) return [];
    const nameColumns = Math.min(widest(names), Math.floor(columns / 3));
    const lines = Object.values(of).map((value, at) => {
      const name = padded(fitted(names[at] ?? "", nameColumns), nameColumns);
      return `${gap}${gap}${dim(name)}${gap}${fitted(valueText(value), columns - nameColumns - 6)}`;
    });
    return [`${gap}${title}`, ...lines];
  }
}

/** A table of users that arrive in pages, one line each. The header is above the first page, and columns only widen. */
export function userTable(stream: WriteStream): (users: readonly User[]) => readonly string[] {
  const dim = (text: string) => styleText("dim", text, { stream });
  const timeColumns = timeOf(undefined).length;
  let idColumns = 2;
  let isBegun = false;
  return (users) => {
    const columns = stream.columns || usualColumns;
    const ids = users.map(({ id }) => fitted(printable(id), Math.floor(columns * idShare)));
    idColumns = Math.max(idColumns, widest(ids));
    const restColumns = Math.max(columns - idColumns - timeColumns - 2 * gap.length, 10);
    const rows = users.map(({ updatedAt, properties = {} }, at) => {
      const texts = Object.entries(properties).map(([name, value]) => `${printable(name)}=${valueText(value)}`);
      return [padded(ids[at] ?? "", idColumns), timeOf(updatedAt), fitted(texts.join(" "), restColumns)].join(gap);
    });
    const header = [padded("id", idColumns), padded("updated", timeColumns), "properties"].join(gap);
    const lines = isBegun ? rows : [dim(header), ...rows];
    isBegun = true;
    return lines;
  };
}

/** To the second, in UTC. */
function timeOf(time: Timestamp | undefined): string {
  return time === undefined ? "-".padEnd(20) : `${timestampDate(time).toISOString().slice(0, 19).replace("T", " ")}Z`;
}

/** Text as it is, other values as JSON. */
function valueText(value: JsonValue): string {
  return printable(typeof value === "string" ? value : JSON.stringify(value));
}
