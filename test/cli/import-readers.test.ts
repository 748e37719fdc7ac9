import { createWriteStream, readFileSync, writeFileSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readLines } from "../../src/cli/import/rows/lines.ts";
import { cutList } from "../../src/cli/import/rows/list-cutter.ts";
import { maxRowBytes } from "../../src/cli/import/rows/row.ts";
import { fileWith } from "../support/files.ts";
import { collect, collectAll, readFile, rowsOf } from "../support/source-rows.ts";

const user = (line: number, id: string, properties: object) =>
  expect.objectContaining({ kind: "user", line, id, properties });

describe("a source", () => {
  const text = '{"id":"a","properties":{"n":1}}\r\n\r\n{"id":"b","properties":{"n":"é"}}';
  const rows = [user(1, "a", { n: 1 }), user(3, "b", { n: "é" })];

  test("may be compressed, begin with a byte-order mark, and end its lines as Windows does", async () => {
    for (const content of [text, `\ufeff${text}`, `${text}\r\n`]) {
      expect(await rowsOf(content, "users.ndjson")).toEqual(rows);
      expect(await rowsOf(content, "users.jsonl.gz")).toEqual(rows);
    }
    expect(await rowsOf("", "users.ndjson")).toEqual([]);
  });

  test("may end its lines with carriage returns alone, in any pieces", async () => {
    const mac = text.replaceAll("\r\n", "\r");
    for (const content of [mac, `${mac}\r`, mac.replace(/\r(?=.*$)/, "\r\n")]) {
      expect(await rowsOf(content, "users.ndjson")).toMatchObject(rows);
    }
    const bytes = Buffer.from(mac);
    async function* byteByByte() {
      for (let at = 0; at < bytes.length; at++) yield bytes.subarray(at, at + 1);
    }
    const lines = await collectAll(readLines(byteByByte(), "it", (_, line) => [{ kind: "passed over", line }]));
    expect(lines.map(({ line }) => line)).toEqual([1, 3]);
    const mixed = await rowsOf(`${text}\r{"id":"c"}`, "users.ndjson");
    expect(mixed.at(-1)).toMatchObject({ kind: "invalid", line: 3, reason: "the line is not JSON" });
  });

  test("that is not what its name says is refused, with what it is", async () => {
    const cases: readonly (readonly [Buffer | string, string, RegExp])[] = [
      [gzipSync(text), "users.ndjson", /compressed with gzip/],
      [Buffer.from(`\ufeff${text}`, "utf16le"), "users.csv", /is UTF-16: save it as UTF-8, .*iconv -f UTF-16 /],
      [Buffer.from(`\ufeff${text}`, "utf16le").swap16(), "users.ndjson", /is UTF-16: save it as UTF-8/],
      [Buffer.from(text, "utf16le"), "users.ndjson", /is UTF-16LE: save it as UTF-8/],
      [Buffer.from("id,name\n", "utf16le").swap16(), "users.csv", /is UTF-16BE: save it as UTF-8/],
      [Buffer.from([0xff, 0xfe, 0, 0, 0x69, 0, 0, 0]), "users.csv", /is UTF-32: save it as UTF-8/],
      [Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 0, 0xff]), "users.ndjson", /not a text file/],
      ["id,name\n1,Ada\n", "users.ndjson", /no JSON object on line 1/],
      [`[${text}]`, "users.ndjson", /no JSON object on line 1/],
      [text, "users.txt", /--format/],
    ];
    for (const [content, name, message] of cases) {
      await expect(async () => rowsOf(content, name)).rejects.toThrow(message);
    }
    const path = fileWith("", "users.ndjson.gz");
    writeFileSync(path, text);
    await expect(collect(readFile(path))).rejects.toThrow(/is not compressed with gzip/);
    const whole = gzipSync(`${text}\n`.repeat(10_000));
    writeFileSync(path, whole.subarray(0, whole.length - 20));
    await expect(collect(readFile(path))).rejects.toThrow(/its compressed data ends too soon/);
    await expect(collect(readFile(`${path}.ndjson`))).rejects.toThrow(/ENOENT/);
  });
});

describe("NDJSON", () => {
  test("has all fields of an Identify, and reads what an export writes", async () => {
    const lines = [
      '{"id":"a","set_once":{"x":1},"unset":["y"],"observed_at":"2026-01-31T12:00:00.5Z"}',
      '{"id":"b","properties":{"__proto__":{"x":1}},"preferences":{"mail":true},"updated_at":"2026-01-31T12:00:00Z","created_at":"2026-01-31T12:00:00Z","etag":"e"}',
      '{"id":"c","properties":{},"preferences":{}}',
      '{"id":"d","properties":{"n":2},"rejected":{"line":4,"message":"is mended"}}',
    ];
    const [a, b, c, d] = await rowsOf(lines.join("\n"), "users.ndjson");
    const observedAt = expect.objectContaining({ seconds: 1769860800n, nanos: 500_000_000 });
    expect(a).toMatchObject({ kind: "user", id: "a", setOnce: { x: 1 }, unset: ["y"], observedAt });
    expect(a).not.toHaveProperty("properties");
    expect(b).toMatchObject({ kind: "user", id: "b", preferences: { mail: true } });
    expect(JSON.stringify(b)).toContain('{"__proto__":{"x":1}}');
    expect(c).not.toHaveProperty("preferences");
    expect(d).toMatchObject({ kind: "user", id: "d", properties: { n: 2 } });
  });

  test("keeps lines that are no users, with where and why, and goes on", async () => {
    const lines = [
      '{"id":"first"}',
      "secret",
      "[1]",
      '{"id":1}',
      '{"properties":{"a":"secret"}}',
      '{"id":"a","traits":{}}',
      '{"id":"a","properties":[]}',
      '{"id":"a","unset":"x"}',
      '{"id":"a","observed_at":1}',
      '{"id":"a","observed_at":"2026-02-30T12:00:00Z"}',
      '{"id":"a","row":{"n":"secret"}}',
    ];
    const content = Buffer.concat([
      Buffer.from(`${lines.join("\n")}\n`),
      Buffer.from([0x7b, 0xff, 0x7d, 0x0a]),
      Buffer.from('{"id":"last"}'),
    ]);
    const rows = await rowsOf(content, "users.ndjson");
    expect([rows.at(0), rows.at(-1)]).toMatchObject([{ id: "first" }, { id: "last", line: 13 }]);
    const invalid = rows.filter((row) => row.kind === "invalid");
    expect(invalid.map(({ line, field, reason }) => [line, field, reason])).toEqual([
      [2, undefined, "the line is not JSON"],
      [3, undefined, "the line is not a JSON object"],
      [4, "id", "is required, as text"],
      [5, "id", "is required, as text"],
      [6, '"traits"', expect.stringContaining("is not a field of a user")],
      [7, "properties", "is not a JSON object"],
      [8, "unset", "is not a list of names"],
      [9, "observed_at", expect.stringContaining("is not a time")],
      [10, "observed_at", expect.stringContaining("is not a time")],
      [11, "row", expect.stringContaining("correct it")],
      [12, undefined, "the line is not UTF-8"],
    ]);
    expect(JSON.stringify(invalid.map(({ reason }) => reason))).not.toContain("secret");
    expect(invalid.slice(0, 3).map(({ kept }) => kept)).toEqual(['{"row":"secret"}', '{"row":[1]}', '{"id":1}']);
  });

  test("refuses a line that says something twice, by the path of it", async () => {
    const lines = [
      '{"id":"a","id":"b"}',
      '{"id":"a","properties":{"n":{"x":1,"x":2}}}',
      '{"id":"a","set_once":{"x":1},"setOnce":{"x":2}}',
      '{"id":"a","observedAt":"2026-01-31T12:00:00Z","observed_at":"2026-01-31T12:00:00Z"}',
    ];
    const rows = await rowsOf(lines.join("\n"), "users.ndjson");
    expect(rows).toEqual(
      ["id", "properties.n.x", "set_once", "observed_at"].map((field, index) => ({
        ...{ kind: "invalid", line: index + 1, reason: "is repeated", field, kept: lines[index] },
      })),
    );
  });

  test("is the same however its bytes come", async () => {
    const text = '{"id":"é1"}\r\n\n{"id":"2","properties":{"ü":"ß"}}\n{"id":3}\n{"id":"4"}';
    const whole = await rowsOf(text, "users.ndjson");
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(Buffer.byteLength(text)), { maxLength: 20 }), async (cuts) => {
        const path = fileWith(text, "users.ndjson");
        const bytes = readFileSync(path);
        const ends = [...cuts.sort((a, b) => a - b), bytes.length];
        async function* chunks() {
          for (const [index, end] of ends.entries()) yield bytes.subarray(ends[index - 1] ?? 0, end);
        }
        const read = readLines(chunks(), "it", (value, line) => [
          { kind: "invalid", line, reason: "", kept: JSON.stringify(value) },
        ]);
        const lines = (await collectAll(read)).map(({ line }) => line);
        expect(lines).toEqual(whole.map(({ line }) => line));
      }),
      { numRuns: 30 },
    );
  });

  test("lines that are too long are passed over without being held", async () => {
    const piece = Buffer.alloc(1024 * 1024, "x");
    async function* chunks() {
      yield Buffer.from('{"id":"a"}\n');
      for (let n = 0; n < 300; n++) yield piece;
      yield Buffer.from('\n{"id":"b"}\n');
    }
    const before = process.memoryUsage().rss;
    const rows = await collectAll(readLines(chunks(), "it", (_, line) => [{ kind: "passed over", line }]));
    expect(rows).toMatchObject([
      { line: 1 },
      { kind: "invalid", line: 2, reason: `the line has ${300 * 1024 ** 2} bytes; at most ${maxRowBytes} are read` },
      { line: 3 },
    ]);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 ** 2);
  });
});

describe("Segment's events", () => {
  test("identify users, one a line or several in a batch; others are passed over", async () => {
    const lines = [
      { type: "identify", userId: "a", traits: { n: 1 }, timestamp: "2026-01-31T12:00:00Z", anonymousId: "x" },
      { type: "track", event: "Clicked", userId: "a" },
      { type: "identify", anonymousId: "x", traits: { n: 1 } },
      { batch: [{ type: "identify", userId: "b" }, { type: "page" }, { type: "identify", userId: "c", timestamp: 5 }] },
      { userId: "d" },
    ];
    const text = lines.map((line) => JSON.stringify(line)).join("\n");
    const rows = await rowsOf(text, "events.json", { format: "segment" });
    expect(rows).toMatchObject([
      { kind: "user", line: 1, id: "a", properties: { n: 1 }, observedAt: { seconds: 1769860800n } },
      { kind: "passed over", line: 2 },
      { kind: "invalid", line: 3, field: "userId", kept: `{"row":${JSON.stringify(lines[2])}}` },
      { kind: "user", line: 4, id: "b", properties: {} },
      { kind: "passed over", line: 4 },
      { kind: "invalid", line: 4, field: "timestamp" },
      { kind: "invalid", line: 5, field: "type" },
    ]);
  });

  test("that say something twice are refused, by the path of it", async () => {
    const lines = [
      '{"type":"identify","userId":"a","traits":{"x":1,"x":2}}',
      '{"type":"track","event":"Clicked","event":"Clicked"}',
      '{"batch":[{"type":"identify","userId":"b","userId":"c"}]}',
      '{"type":"identify","userId":"d"}',
    ];
    const rows = await rowsOf(lines.join("\n"), "events.json", { format: "segment" });
    expect(rows).toMatchObject([
      { kind: "invalid", line: 1, reason: "is repeated", field: "traits.x", kept: `{"row":${lines[0]}}` },
      { kind: "passed over", line: 2 },
      { kind: "invalid", line: 3, reason: "is repeated", field: "batch[0].userId", kept: `{"row":${lines[2]}}` },
      { kind: "user", line: 4, id: "d" },
    ]);
  });
});

describe("Knock's bulk file", () => {
  const read = (text: string) => rowsOf(text, "users.json", { format: "knock" });

  test("has users refused that say something twice, by the path of it", async () => {
    const rows = await read('{"users":[{"id":"a","n":{"x":1,"x":2}},{"id":"b"}]}');
    expect(rows).toMatchObject([
      { kind: "invalid", line: 1, reason: "is repeated", field: "n.x", kept: '{"row":{"id":"a","n":{"x":1,"x":2}}}' },
      { kind: "user", id: "b" },
    ]);
  });

  test("holds users with their properties beside their ids", async () => {
    const users = [
      { id: "a", name: 'A "quoted" ]} name \\', tags: [{ x: [1] }] },
      { name: "no id" },
      7,
      "text, with ] in it",
      { id: "b", preferences: { mail: { on: true } }, note: "\u0000é" },
    ];
    const text = JSON.stringify({ users: "[", more: { users: [1, { a: [] }] } });
    const document = `${text.slice(0, -1)} , "users" : ${JSON.stringify(users, null, 2)}, "end": [true, "}"] } \n`;
    const rows = await read(document);
    expect(rows).toMatchObject([
      { kind: "user", line: 1, id: "a", properties: { name: 'A "quoted" ]} name \\', tags: [{ x: [1] }] } },
      { kind: "invalid", line: 2, field: "id", kept: '{"row":{     "name": "no id"   }}' },
      { kind: "invalid", line: 3 },
      { kind: "invalid", line: 4 },
      { kind: "user", line: 5, id: "b", properties: { note: "\u0000é" }, preferences: { mail: { on: true } } },
    ]);
  });

  test("is read item by item, whatever is in them and however the bytes come", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue())), async (list) => {
        const users = list.map((traits, index) => ({ ...traits, id: `u${index}` }));
        const bytes = Buffer.from(JSON.stringify({ users }, null, 1));
        for (const step of [1, 7, bytes.length]) {
          async function* chunks() {
            for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
          }
          const items = await collect(cutList(chunks(), "users"));
          expect(items.map((item) => JSON.parse(`${item.bytes}`))).toEqual(JSON.parse(JSON.stringify(users)));
        }
      }),
      { numRuns: 50 },
    );
  });

  test("that is another document, or ends too soon, is refused with what it lacks", async () => {
    await expect(read('{"people":[]}')).rejects.toThrow(/no list "users"/);
    await expect(read('{"users":{}}')).rejects.toThrow(/no list "users"/);
    await expect(read('[{"id":"a"}]')).rejects.toThrow(/does not begin with \{/);
    await expect(read('{"users":[{"id":"a"}')).rejects.toThrow(/ends in the middle/);
    await expect(read('{"users":[{"id":"a')).rejects.toThrow(/ends in the middle/);
    await expect(read('{"users":[]}{"users":[]}')).rejects.toThrow(/something follows/);
    await expect(read("")).rejects.toThrow(/ends in the middle/);
  });

  test("does not hold a user that is too long", async () => {
    const long = { id: "long", t: "x".repeat(maxRowBytes) };
    const rows = await read(JSON.stringify({ users: [long, { id: "b" }] }));
    expect(rows).toMatchObject([
      { kind: "invalid", line: 1, reason: expect.stringMatching(/^the user has \d+ bytes/) },
      { kind: "user", line: 2, id: "b" },
    ]);
  });
});

test("readers hold little of a large file", async () => {
  const path = (name: string) => fileWith("", name);
  const write = async (count: number, file: string, before: string, line: (n: number) => string, after: string) => {
    function* text() {
      yield before;
      for (let n = 0; n < count; n += 1_000) {
        yield Array.from({ length: Math.min(1_000, count - n) }, (_, index) => line(n + index)).join("");
      }
      yield after;
    }
    await pipeline(text, createWriteStream(file));
    return { file, count };
  };
  const files = {
    ndjson: await write(200_000, path("a.ndjson"), "", (n) => `{"id":"u${n}","properties":{"name":"Ada"}}\n`, ""),
    knock: await write(
      100_000,
      path("b.json"),
      '{"users":[',
      (n) => `${n > 0 ? "," : ""}{"id":"u${n}","name":"Ada"}`,
      "]}",
    ),
    csv: await write(50_000, path("a.csv"), "id,name\n", (n) => `u${n},Ada\n`, ""),
  };
  for (const format of ["ndjson", "knock", "csv"] as const) {
    const { file, count } = files[format];
    let peak = 0;
    let rows = 0;
    let batches = 0;
    const before = process.memoryUsage().heapUsed;
    for await (const some of readFile(file, { format })) {
      for (const { kind } of some) if (kind === "user") rows++;
      if (++batches % 16 === 0) peak = Math.max(peak, process.memoryUsage().heapUsed - before);
    }
    expect(rows).toBe(count);
    expect(peak).toBeLessThan(64 * 1024 ** 2);
  }
});
