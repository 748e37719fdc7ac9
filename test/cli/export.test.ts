import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { create, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type User, UserSchema } from "#gen/rollcall/v1/user_pb.js";
import { createCsvWriter, propertyNames } from "../../src/cli/export/csv.ts";
import { withoutFormulas } from "../../src/cli/export/formulas.ts";
import { ndjsonOf } from "../../src/cli/export/ndjson.ts";
import { openOutput } from "../../src/cli/export/output.ts";
import { fileWith, temporaryFolder } from "../support/files.ts";
import { type ReadOptions, rowsOf } from "../support/source-rows.ts";

const user = (id: string, properties: JsonObject, preferences: JsonObject = {}): User =>
  create(UserSchema, {
    id,
    properties,
    preferences,
    etag: "e",
    createdAt: timestampFromMs(1),
    updatedAt: timestampFromMs(2),
  });

/** As a property's value comes out of the registry. */
const stored = (value: JsonValue): JsonValue => (Object.is(value, -0) ? 0 : value);
const name = fc.string({ unit: "binary", minLength: 1, maxLength: 12 }).filter((text) => text.isWellFormed());
const value = fc.jsonValue({ maxDepth: 3 }).map((any): JsonValue => JSON.parse(JSON.stringify(any)));
const someId = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 });
const people = fc.array(fc.tuple(someId, fc.dictionary(name, value, { maxKeys: 6 })), { maxLength: 8 });

/** What an import of the text makes of the users, as pairs of id and properties. */
async function imported(text: string, file: string, options: ReadOptions = {}): Promise<unknown[]> {
  const rows = await rowsOf(text, file, options);
  return rows.map((row) => (row.kind === "user" ? [row.id, { ...row.properties }] : row));
}

describe("users that are exported and imported are the same", () => {
  test("as NDJSON, with preferences", async () => {
    await fc.assert(
      fc.asyncProperty(people, async (list) => {
        const text = ndjsonOf(list.map(([id, properties]) => user(id, properties)));
        expect(await imported(text, "users.ndjson")).toEqual(list);
      }),
      { numRuns: 50 },
    );
    const [row] = await rowsOf(ndjsonOf([user("a", {}, { mail: true })]), "users.ndjson");
    expect(row).toMatchObject({ kind: "user", preferences: { mail: true } });
  });

  test("as CSV with JSON in its cells, whatever they have", async () => {
    await fc.assert(
      fc.asyncProperty(people, async (list) => {
        const users = list.map(([id, properties]) => user(id, properties));
        const text = await csvOf(users, "json", "the id");
        const back = await imported(text, "users.csv", { idColumn: "the id", types: new Map([["*", "json"]]) });
        expect(back).toEqual(list);
      }),
      { numRuns: 50 },
    );
  });

  test("as plain CSV with the types of its columns, but for null and empty text", async () => {
    const record = fc.record(
      {
        text: name,
        n: fc.double({ noNaN: true, noDefaultInfinity: true }).map(stored),
        b: fc.boolean(),
        j: fc.array(value),
      },
      { requiredKeys: [] },
    );
    const types = new Map([
      ["n", "number"],
      ["b", "boolean"],
      ["j", "json"],
    ] as const);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(someId, record), { minLength: 1, maxLength: 8 }), async (list) => {
        const users = list.map(([id, properties]) => user(id, JSON.parse(JSON.stringify(properties))));
        const { header, lines } = writer(["text", "n", "b", "j"], "plain");
        expect(await imported(header + lines(users), "users.csv", { types })).toEqual(list);
      }),
      { numRuns: 50 },
    );
  });
});

const writer = (properties: readonly string[], cells: "plain" | "json", idColumn = "id", escapeFormulas = false) =>
  createCsvWriter({ idColumn, properties, cells, escapeFormulas });

async function csvOf(users: readonly User[], cells: "plain" | "json", idColumn: string): Promise<string> {
  const names = await propertyNames(pagesOf(users));
  const { header, lines } = writer(names, cells, idColumn);
  return header + lines(users);
}

async function* pagesOf(users: readonly User[]): AsyncGenerator<readonly User[]> {
  yield users.slice(0, 1);
  yield users.slice(1);
}

describe("CSV", () => {
  test("has a column for each property that is named, or for all there are", async () => {
    const users = [user("a", { name: "Ada", tags: ["x"], n: null }), user("b", { name: 'a "b", c' })];
    expect(await csvOf(users, "plain", "id")).toBe('id,n,name,tags\na,,Ada,"[""x""]"\nb,,"a ""b"", c",\n');
    const some = writer(["name"], "plain");
    expect(some.header + some.lines(users)).toBe('id,name\na,Ada\nb,"a ""b"", c"\n');
    expect(some.incomplete).toBe(1);
  });

  test("can keep spreadsheets from calculating", () => {
    const formula = user("a", { f: "=1+1" });
    expect(writer(["f"], "plain").lines([formula])).toBe("a,=1+1\n");
    expect(writer(["f"], "plain", "id", true).lines([formula])).toBe("a,'=1+1\n");
    expect(writer(["=f"], "plain", "id", true).header).toBe("id,'=f\n");
    expect(writer([], "plain", "id", true).lines([user("@a", {})])).toBe("'@a\n");
  });

  describe("with formulas escaped, has no cell that begins as one:", () => {
    const starts = ["", " ", "\t", "\r", "\n", "\r\n", "\u00a0", "\u3000", "\u0000", "\u200b", "\ufeff", " \n "];
    const operators = ["=", "+", "-", "@", "＝", "＋", "－", "＠"];
    const separators = ["", ";", "a;", "a; ", 'a;"', 'a;" ', "a\t", "a|", "a\n", "a\r", ";;", '";'];
    const cells = separators.flatMap((separator) =>
      starts.flatMap((start) => operators.map((operator) => `${separator}${start}${operator}1+1`)),
    );
    /** As a spreadsheet reads it that heeds quotes where a cell begins, and only there. */
    const readBy = (csv: string, delimiter: string): string[] =>
      csv.match(new RegExp(`(?<=^|[${delimiter}\\r\\n])(?:"(?:""|[^"])*"|)[^${delimiter}\\r\\n]*`, "g")) ?? [];
    const dangerous = /^["\s\p{Cc}\p{Cf}]*[=+\-@＝＋－＠]/u;

    test.each([",", ";", "\t", "|"])("read with %j between cells", (delimiter) => {
      const found = cells.filter((cell) => {
        const csv = writer(["f"], "plain", "id", true).lines([user("a", { f: cell })]);
        return readBy(csv, delimiter).some((read) => dangerous.test(read));
      });
      expect(found).toEqual([]);
    });

    test("and the others are as they are", () => {
      const plain = ["a=1", "1-1", "a@example.com", "a, -b", "a b + c", "x;y", "'=1", ";'=1", '{"a":[1,-2]}', "a - b"];
      const csv = writer(["f"], "plain", "id", true).lines(plain.map((f) => user("a", { f })));
      expect(parse(csv).map(([, f]) => f)).toEqual(plain);
    });

    test("and an import takes no ' away", async () => {
      const { header, lines } = writer(["f"], "plain", "id", true);
      const csv = header + lines([user("a", { f: "x;=1" }), user("b", { f: " =1" })]);
      expect(await imported(csv, "users.csv")).toEqual([
        ["a", { f: "x;'=1" }],
        ["b", { f: "' =1" }],
      ]);
    });

    test("in a time that grows with the cell", () => {
      const long = `;${"\n".repeat(200_000)}x;${" ".repeat(200_000)}=1`;
      expect(withoutFormulas(long)).toHaveLength(long.length + 1);
    });
  });

  test("does not have two columns of one name, nor more than a table can have", async () => {
    expect(() => writer(["id"], "plain")).toThrow(/--id-column/);
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`p${n}`, 1]));
    await expect(propertyNames(pagesOf([user("a", many)]))).rejects.toThrow(/--properties/);
  });
});

describe("a file that is written", () => {
  test("has its name once it is whole, and only its owner reads it", async () => {
    for (const file of ["users.ndjson", "users.ndjson.gz"]) {
      const path = fileWith("before", file);
      const output = await openOutput(path);
      const piece = "x".repeat(100_000);
      for (let n = 0; n < 20; n++) await output.write(piece);
      expect(readFileSync(path)).toHaveLength(statSync(path).size);
      expect(statSync(path).size).toBeLessThan(100);
      await output.finish();
      const bytes = readFileSync(path);
      expect(`${file.endsWith(".gz") ? gunzipSync(bytes) : bytes}`).toBe(piece.repeat(20));
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(readdirSync(dirname(path))).toEqual([file]);
    }
  });

  test("and given up leaves what was there", async () => {
    const path = join(temporaryFolder(), "users.ndjson.gz");
    writeFileSync(path, "before");
    const output = await openOutput(path);
    await output.write("x");
    await output.abandon();
    expect(readdirSync(dirname(path))).toEqual(["users.ndjson.gz"]);
    expect(readFileSync(path, "utf8")).toBe("before");
    await expect(openOutput(join(path, "below"))).rejects.toThrow(/cannot write/);
    await expect(openOutput(dirname(path))).rejects.toThrow(/it is a folder/);
    expect(existsSync(join(path, "below"))).toBe(false);
  });
});
