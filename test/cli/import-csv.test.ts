import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readCsv } from "../../src/cli/import/rows/csv.ts";
import { defaultCsvOptions } from "../../src/cli/import/rows/csv-columns.ts";
import { maxRowBytes, type Row } from "../../src/cli/import/rows/row.ts";
import { fileWith } from "../support/files.ts";
import { collectAll, readFile, rowsOf } from "../support/source-rows.ts";

describe("CSV", () => {
  test("has a header, and a user in each record", async () => {
    const text = 'id,name,note\r\n\r\na,Ada,"says ""hi"",\nand goes"\nb,Bé,\n';
    for (const name of ["users.csv", "users.csv.gz"]) {
      expect(await rowsOf(`\ufeff${text}`, name)).toMatchObject([
        { kind: "user", line: 4, id: "a", properties: { name: "Ada", note: 'says "hi",\nand goes' } },
        { kind: "user", line: 5, id: "b", properties: { name: "Bé" } },
      ]);
    }
    const [, b] = await rowsOf(text, "users.csv", { empty: "null" });
    expect(b).toHaveProperty("properties", { name: "Bé", note: null });
  });

  test("has columns of other names and types, and other delimiters", async () => {
    const text = "Key;Mail;n;b;j;rest;__proto__\na;x@y.z; -1.5e3 ;TRUE;[1];{};1\nb;;;;;;\n";
    const rows = await rowsOf(text, "users.csv", {
      idColumn: "Key",
      map: new Map([["Mail", "email"]]),
      types: new Map([
        ["n", "number"],
        ["b", "boolean"],
        ["Mail", "string"],
        ["*", "json"],
      ]),
      delimiter: ";",
    });
    const properties = Object.fromEntries([...Object.entries({ email: "x@y.z", n: -1500, b: true, j: [1], rest: {} })]);
    Object.defineProperty(properties, "__proto__", { value: 1, enumerable: true });
    expect(rows.map((row) => row.kind === "user" && JSON.stringify(row.properties))).toEqual([
      JSON.stringify(properties),
      "{}",
    ]);
  });

  test("keeps records that are no users, with where and why, and goes on", async () => {
    const types = new Map([
      ["n", "number"],
      ["b", "boolean"],
      ["j", "json"],
    ] as const);
    const text = Buffer.concat([
      Buffer.from(
        [
          "id,t,n,b,j",
          "a,t,secret,,",
          "b,t,1e999,no,",
          "c,t,,,{",
          ",t,,,",
          "e,t",
          "f,t,,,,,",
          'g,a "quote" there,,,',
          "h,",
        ].join("\n"),
      ),
      Buffer.from([0xff]),
      Buffer.from(',,,\nlast,t,1,true,null\nopen,"never\nclosed,'),
    ]);
    const rows = await rowsOf(text, "users.csv", { types });
    const invalid = rows.filter((row) => row.kind === "invalid");
    expect(invalid.map(({ line, field, reason }) => [line, field, reason])).toEqual([
      [2, "properties.n", "is not a number"],
      [3, "properties.n", "is not a number"],
      [4, "properties.j", "is not JSON"],
      [5, "id", "is required"],
      [6, undefined, "has 2 cells; the header has 5"],
      [7, undefined, "has 7 cells; the header has 5"],
      [8, undefined, "a quote stands in the middle of a cell"],
      [9, "properties.t", "is not UTF-8"],
      [12, undefined, "a quote is opened and never closed"],
    ]);
    expect(invalid[1]?.kept).toBe('{"id":"b","properties":{"t":"t"},"row":{"n":"1e999","b":"no"}}');
    expect(rows.filter((row) => row.kind === "user")).toMatchObject([
      { line: 10, id: "last", properties: { t: "t", n: 1, b: true, j: null } },
    ]);
  });

  test("has cells of JSON refused in which a name is repeated", async () => {
    const types = new Map([["j", "json"]] as const);
    const rows = await rowsOf('id,j\na,"{""x"":1,""x"":2}"\nb,"{""x"":1}"\n', "users.csv", { types });
    expect(rows).toMatchObject([
      { kind: "invalid", line: 2, field: "properties.j", reason: "repeats a name" },
      { kind: "user", id: "b" },
    ]);
  });

  test("whose header does not fit is refused without a word of what may be values", async () => {
    const cases = [
      ["name,secret\n", {}, /no column "id".*--id-column.*--delimiter/],
      ["id,,a\n", {}, /column 2 of the header has no name/],
      ["id,secret\n", { types: new Map([["n", "number" as const]]) }, /no column "n"/],
      ["", {}, /no header/],
      ['id,na"me"\n', {}, /:1: the header cannot be read: a quote/],
    ] as const;
    for (const [text, options, message] of cases) {
      const failure = await rowsOf(text, "users.csv", options).catch((error: unknown) => error);
      expect(failure).toMatchObject({ name: "CliError", message: expect.stringMatching(message) });
      expect(`${failure}`).not.toContain("secret");
    }
  });

  test("whose columns have the same name or property is refused by that name", async () => {
    const cases = [
      ["id,plan,plan\n", {}, 'columns 2 and 3 of the header are both "plan"'],
      ["id, plan,plan \n", {}, 'columns 2 and 3 of the header are both "plan"'],
      ["id, id\n", {}, 'columns 1 and 2 of the header are both "id"'],
      ["id,plan,b\n", { map: new Map([["b", "plan"]]) }, 'columns 2 and 3 of the header are both the property "plan"'],
    ] as const;
    for (const [text, options, message] of cases) {
      await expect(rowsOf(text, "users.csv", options)).rejects.toThrow(message);
    }
  });

  describe("with spaces", () => {
    const properties = async (text: string, options: Parameters<typeof rowsOf>[2] = {}) =>
      (await rowsOf(text, "users.csv", options)).map((row) =>
        row.kind === "user" ? { id: row.id, ...row.properties } : row,
      );

    test("around the names of its columns has them around its cells too, and neither count", async () => {
      const text = ' id ,\tname, "full name" ,e\n a , Ada B ," x, y " ,\n"b","", "say ""hi"", " , z \n';
      expect(await properties(text)).toEqual([
        { id: "a", name: "Ada B", "full name": " x, y " },
        { id: "b", "full name": 'say "hi", ', e: "z" },
      ]);
      expect(await properties(text, { trim: "never" })).toEqual([
        { id: " a ", name: " Ada B ", "full name": " x, y " },
        { id: "b", "full name": 'say "hi", ', e: " z " },
      ]);
    });

    test("elsewhere keeps those of cells without quotes, unless it is to trim them", async () => {
      const text = 'id,name,note\na, Ada , \n"b" , "Bo",\t"x"\t\n';
      expect(await properties(text)).toEqual([
        { id: "a", name: " Ada ", note: " " },
        { id: "b", name: "Bo", note: "x" },
      ]);
      expect(await properties(text, { trim: "always" })).toEqual([
        { id: "a", name: "Ada" },
        { id: "b", name: "Bo", note: "x" },
      ]);
      expect(await properties('id\tname\na\t"x"\nb\t y\n', { delimiter: "\t" })).toEqual([
        { id: "a", name: "x" },
        { id: "b", name: " y" },
      ]);
    });

    test("in quotes has them in the names of its columns and in its cells", async () => {
      expect(await properties('id," plan","plan"\na," x ",y\n')).toEqual([{ id: "a", " plan": " x ", plan: "y" }]);
    });

    test("has its columns' options with or without them", async () => {
      const options = {
        idColumn: " key",
        map: new Map([["n ", "count"]]),
        types: new Map([[" n", "number" as const]]),
      };
      expect(await properties("key, n\na,1\n", options)).toEqual([{ id: "a", count: 1 }]);
    });

    test("is read as without them, however its bytes come", async () => {
      const cell = fc.oneof(
        fc.constantFrom("", "x", "é", "x y"),
        fc
          .string({ unit: fc.constantFrom('""', ",", "\n", "\r\n", " ", "x"), maxLength: 5 })
          .map((text) => `"${text}"`),
      );
      const spaces = fc.constantFrom("", " ", "  ", "\t", " \t ");
      const records = fc.array(fc.tuple(cell, cell, fc.array(spaces, { minLength: 4, maxLength: 4 })), {
        maxLength: 6,
      });
      await fc.assert(
        fc.asyncProperty(records, fc.constantFrom("\n", "\r\n"), fc.array(fc.nat(200)), async (rows, end, cuts) => {
          const bare = rows.map(([a, b]) => `i,${a},${b}`);
          const spaced = rows.map(([a, b, [s1, s2, s3, s4]]) => `i,${s1}${a}${s2},${s3}${b}${s4}`);
          const bytes = Buffer.from(["id,a,b", ...spaced].join(end));
          const ends = [...cuts.sort((a, b) => a - b), bytes.length];
          async function* chunks() {
            for (const [index, to] of ends.entries()) yield bytes.subarray(ends[index - 1] ?? 0, to);
          }
          const options = { ...defaultCsvOptions, trim: "always" } as const;
          const read = await collectAll(readCsv(chunks(), "it", options));
          expect(read).toEqual(await rowsOf(["id,a,b", ...bare].join(end), "users.csv"));
        }),
        { numRuns: 200 },
      );
    });
  });

  describe("with carriage returns alone at its lines' ends", () => {
    const text = 'id,name,note\r\ra,Ada,"x\ry\r\nz"\rb,Bo\rc,Cy,\xff\rd,Di,\r';
    const expected = [
      { kind: "user", line: 5, id: "a", properties: { name: "Ada", note: "x\ry\r\nz" } },
      { kind: "invalid", line: 6, reason: "has 2 cells; the header has 3" },
      { kind: "invalid", line: 7, field: "properties.note", reason: "is not UTF-8" },
      { kind: "user", line: 8, id: "d", properties: { name: "Di" } },
    ];

    test("has a user in each record, and the numbers of its lines", async () => {
      expect(await rowsOf(Buffer.from(text, "latin1"), "users.csv")).toMatchObject(expected);
      expect(await rowsOf(Buffer.from(text.slice(0, -1), "latin1"), "users.csv")).toMatchObject(expected);
      expect(await rowsOf("id\ra\r", "users.csv")).toMatchObject([{ id: "a", line: 2 }]);
    });

    test("may have other line ends after the header", async () => {
      const mixed = "id,n\ra,1\nb,2\r\nc,3\rd,4";
      expect(await rowsOf(mixed, "users.csv")).toMatchObject([
        { id: "a", line: 2 },
        { id: "b", line: 3 },
        { id: "c", line: 4 },
        { id: "d", line: 5 },
      ]);
    });

    test("only below its header has them in its cells, and says so where those are too many", async () => {
      expect(await rowsOf("id,n\na,1\rb,2\nc,x\ry\n", "users.csv")).toMatchObject([
        {
          kind: "invalid",
          line: 2,
          reason: expect.stringMatching(/^has 3 cells; .* carriage return alone does not end/),
        },
        { kind: "user", line: 3, properties: { n: "x\ry" } },
      ]);
    });
  });

  test("counts a line end in quotes once, whichever it is", async () => {
    const rows = await rowsOf('id,n\r\na,"1\r\n2\r\n3"\r\nb,"4\n5"\r\nc,\r\n', "users.csv");
    expect(rows).toMatchObject([
      { id: "a", line: 4 },
      { id: "b", line: 6 },
      { id: "c", line: 7 },
    ]);
  });

  test("with a quote that is not closed ends soon, and says where", async () => {
    const text = `id,t\na,b\nc,"${"secret,\n".repeat(maxRowBytes / 4)}`;
    const rows: Row[] = [];
    const reading = async () => {
      for await (const some of readFile(fileWith(text, "users.csv"))) rows.push(...some);
    };
    const failure = await reading().catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: "CliError", message: expect.stringMatching(/is a quote not closed\?/) });
    expect(rows).toMatchObject([{ kind: "user", id: "a" }]);
    expect(`${failure}`).not.toContain("secret");
  });
});
