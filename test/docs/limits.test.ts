/** Every bound in docs/limits.md and docs/http2.md names a test that exists. Bounds that the configuration has are compared with it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { defaultServerLimits } from "../../src/config/server-limits.ts";
import { limits } from "../../src/users/limits.ts";

const docs = join(import.meta.dirname, "..", "..", "docs");
const text = readFileSync(join(docs, "limits.md"), "utf8");
const textOfHttp2 = readFileSync(join(docs, "http2.md"), "utf8");

/** The rows of tables that have a column for tests, by what they bound. */
const rowsOf = (document: string) =>
  document.split("\n").flatMap((line) => {
    const cells = line.split(" | ");
    const [, file, title] = /^\[[\w-]+\]\((\S+)\): "(.+)" \|$/.exec(cells.at(-1) ?? "") ?? [];
    return file === undefined || title === undefined
      ? []
      : [{ what: cells[0]?.slice(2) ?? "", bound: cells[1] ?? "", file, title }];
  });
const rows = rowsOf(text);

test.each([
  ["limits.md", text, 5],
  ["http2.md", textOfHttp2, 1],
])("each table of bounds in %s names tests", (_, document, tablesOfBounds) => {
  const tables = document.split("\n## ").map((section) => section.split("\n").filter((line) => line.startsWith("| ")));
  const withTests = tables.filter(([head]) => head?.endsWith("| test |"));
  expect(withTests).toHaveLength(tablesOfBounds);
  // Less their heads.
  expect(rowsOf(document)).toHaveLength(withTests.reduce((sum, lines) => sum + lines.length - 1, 0));
});

describe.each([...rows, ...rowsOf(textOfHttp2)])("$what", ({ file, title }) => {
  test("is tested where the table says", () => {
    const path = join(docs, file);
    expect(existsSync(path), file).toBe(true);
    expect(readFileSync(path, "utf8").replaceAll("\\n", " ")).toContain(title);
  });
});

test.each([
  ["`--max-calls`", String(defaultServerLimits.maxCalls)],
  ["`--max-streams`", String(defaultServerLimits.maxStreams)],
  ["`--max-held-mib`", String(defaultServerLimits.maxHeldBytes / 1024 ** 2)],
  ["`--max-connections`", String(defaultServerLimits.maxConnections)],
  ["`--max-connection-age`", String(defaultServerLimits.maxConnectionAgeMs / 1_000)],
  ["a request message, compressed or not", `${limits.maxRequestBytes / 1024 ** 2} MiB`],
  [
    "entries of a list: ids, names, items",
    `${limits.maxBatchIds.toLocaleString("en")} ids or items, ${limits.maxProperties} names`,
  ],
  ["names in `unset` of all items of a batch", limits.maxBatchNames.toLocaleString("en")],
  ["a message to health and reflection, which anybody may call", `${limits.maxOpenRequestBytes / 1024} KiB`],
  [
    "messages of BatchIdentify and IdentifyUsers while they are worked on",
    `${defaultServerLimits.maxBatchWorkBytes / 1024 ** 2} MiB`,
  ],
  ["indexed properties of a store", String(limits.maxIndexes)],
  ["text in an index", `${limits.maxIndexedBytes} bytes`],
  ["the beginning of text to find users by", `${limits.minPrefixCharacters} characters`],
  ["users that a page of ScanUsers looks at", limits.maxScannedUsers.toLocaleString("en")],
  [
    "answers with many users while they are read: of BatchGetUsers, ListUsers, FindUsers and ScanUsers",
    `${defaultServerLimits.maxReadBytes / 1024 ** 2} MiB`,
  ],
  ["requests that wait for the store", `${defaultServerLimits.maxWaitingBytes / 1024 ** 2} MiB`],
  ["unary calls whose requests have not arrived in full", defaultServerLimits.maxArriving.toLocaleString("en")],
  ["time between checks of an open stream's credentials", `${defaultServerLimits.recheckMs / 1_000} s`],
  ["requests to health and reflection", String(defaultServerLimits.maxOpenRequests)],
])("%s is bounded as the server has it", (what, bound) => {
  const row = rows.find((known) => known.what === what);
  expect(row?.bound.startsWith(bound), `${row?.bound} begins with ${bound}`).toBe(true);
});
