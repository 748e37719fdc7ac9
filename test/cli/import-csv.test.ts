import { describe, expect, test } from "vitest";
import { maxRowBytes, type Row } from "../../src/cli/import/row.ts";
import { fileWith } from "../support/files.ts";
import { readFile, rowsOf } from "../support/source-rows.ts";

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

  test("whose header does not fit is refused without a word of what may be values", async () => {
    const cases = [
      ["name,secret\n", {}, /no column "id".*--id-column.*--delimiter/],
      ["id,,a\n", {}, /column 2 of the header has no name/],
      ["id,secret,secret\n", {}, /column 3 of the header is a property/],
      ["id,secret,b\n", { map: new Map([["b", "secret"]]) }, /column 3 of the header is a property/],
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
