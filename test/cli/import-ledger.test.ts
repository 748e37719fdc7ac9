import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { identify, Journal, journalPath, type Progress, readJournal } from "../../src/cli/import/journal.ts";
import { type KeptUser, Ledger } from "../../src/cli/import/ledger.ts";
import { type Rejection, Rejects } from "../../src/cli/import/rejects.ts";
import type { Row } from "../../src/cli/import/rows/row.ts";
import { fileWith, temporaryFolder } from "../support/files.ts";
import { collect, rowsOf } from "../support/source-rows.ts";

const refusal: Rejection = {
  code: "INVALID_ARGUMENT",
  reason: "LIMIT_EXCEEDED",
  message: "is too long",
  violations: [],
};
const more = { server: "http://127.0.0.1:50051", rejected: "/r", options: { format: "ndjson" } };
const rejectedLines = (path: string): { rejected: { line: number } }[] =>
  existsSync(path)
    ? readFileSync(path, "utf8")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line))
    : [];

describe("rejected rows", () => {
  const rows: readonly Row[] = [
    { kind: "user", line: 1, id: "a", properties: { n: 1 }, unset: ["x"], preferences: { p: 1 } },
    { kind: "invalid", line: 2, reason: "is not JSON", kept: '{"row":"{"}' },
  ];

  test("are in a file that can be mended and imported, and that only its owner reads", async () => {
    const path = join(temporaryFolder(), "r.ndjson");
    const rejects = await Rejects.open(path, undefined);
    const ledger = new Ledger({ rejects, journal: undefined, onInvalid: () => {} });
    expect(existsSync(path)).toBe(false);
    for await (const user of each(ledger.users(stream(rows)))) {
      ledger.refused(ledger.keep(user), () => user, { ...refusal, field: "properties.n" });
    }
    await ledger.end("complete");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const text = readFileSync(path, "utf8");
    expect(
      text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { row: "{", rejected: { line: 2, code: "INVALID_ARGUMENT", reason: "INVALID_ROW", message: "is not JSON" } },
      {
        id: "a",
        properties: { n: 1 },
        unset: ["x"],
        preferences: { p: 1 },
        rejected: { line: 1, ...refusal, field: "properties.n" },
      },
    ]);
    const mended = text.replace('"row":"{"', '"id":"b"');
    expect(await rowsOf(text, "r.ndjson")).toMatchObject([{ kind: "invalid" }, { kind: "user", id: "a" }]);
    expect(await rowsOf(mended, "r.ndjson")).toMatchObject([
      { kind: "user", id: "b" },
      { kind: "user", unset: ["x"] },
    ]);
  });

  test("have every value as it stands in the source, and no word of an earlier import", async () => {
    const numbers = "[-0,12345678901234567890,1e400,1.10]";
    const deep = `${"[".repeat(9_000)}${"]".repeat(9_000)}`;
    const lines = [
      `{"id":"a", "properties":{"n":${numbers},"t":"\\ud800","__proto__":1,"n2":1,"n2":2}}`,
      `{"id":"b","properties":{"deep":${deep}}}`,
      `{"rejected":{"line":1,"message":"old"},"id":"c","properties":{"n":1e400}}`,
      `{"id":"d","properties":{},"rejected":{"line":1}}`,
      `{"traits":${numbers}}`,
      numbers,
    ];
    const path = join(temporaryFolder(), "r.ndjson");
    await rejectAll(path, await rowsOf(`{}\n${lines.join("\n")}`, "users.ndjson"));
    const because = (line: number) => expect.stringMatching(new RegExp(`,?"rejected":{"line":${line},.*}}$`));
    const written = readFileSync(path, "utf8").trim().split("\n");
    const byLine = written.sort((a, b) => JSON.parse(a).rejected.line - JSON.parse(b).rejected.line);
    const rows = byLine.map((text) => text.replace(/,?"rejected":.*}$/, "}"));
    expect(byLine).toEqual(byLine.map((_, index) => because(index + 1)));
    expect(rows).toEqual([
      "{}",
      ...lines.slice(0, 2),
      '{"id":"c","properties":{"n":1e400}}',
      '{"id":"d","properties":{}}',
      lines[4],
      `{"row":${numbers}}`,
    ]);
  });

  test("of other formats have their values as they stand there, too", async () => {
    const numbers = "[-0, 12345678901234567890, 1e400]";
    const events = [
      `{"type":"identify","userId":"a","traits":{"n":${numbers}},"timestamp":"2026-01-31T12:00:00Z"}`,
      `{"batch":[{"type":"page"},{"type":"identify","userId":"b","traits":null,"timestamp":null},{"type":"identify","traits":{"n":${numbers}}}]}`,
    ];
    const knock = `{"users":[{"id":"a","n":${numbers},\n"preferences":{"p":1.0}},\n{"n":\n${numbers}}]}`;
    const csv = 'id,n,j,t,__proto__\na,12345678901234567890,"{""n"":\r\n[1e400]}",-0,p\nb,+.5,x,t,p\n';
    const types = new Map([
      ["n", "number"],
      ["j", "json"],
    ] as const);
    const kept = async (text: string, name: string, options: Parameters<typeof rowsOf>[2]) => {
      const path = join(temporaryFolder(), "r.ndjson");
      await rejectAll(path, await rowsOf(text, name, options));
      const rows = readFileSync(path, "utf8").trim().split("\n");
      return rows.map((row) => row.replace(/,"rejected":.*}$/, "}")).sort();
    };
    expect(await kept(events.join("\n"), "e.json", { format: "segment" })).toEqual([
      `{"id":"a","properties":{"n":${numbers}},"observed_at":"2026-01-31T12:00:00Z"}`,
      '{"id":"b"}',
      `{"row":{"type":"identify","traits":{"n":${numbers}}}}`,
    ]);
    expect(await kept(knock, "k.json", { format: "knock" })).toEqual([
      `{"id":"a","preferences":{"p":1.0},"properties":{"n":${numbers}}}`,
      `{"row":{"n": ${numbers}}}`,
    ]);
    expect(await kept(csv, "c.csv", { types })).toEqual([
      '{"id":"a","properties":{"n":12345678901234567890,"j":{"n":  [1e400]},"t":"-0","__proto__":"p"}}',
      '{"id":"b","properties":{"n":0.5,"t":"t","__proto__":"p"},"row":{"j":"x"}}',
    ]);
  });

  /** Writes the rejected rows of an import in which every user is refused. */
  async function rejectAll(path: string, rows: readonly Row[]): Promise<void> {
    const rejects = await Rejects.open(path, undefined);
    const ledger = new Ledger({ rejects, journal: undefined, onInvalid: () => {} });
    for await (const user of each(ledger.users(stream(rows)))) ledger.refused(ledger.keep(user), () => user, refusal);
    await ledger.end("complete");
  }

  test("of an earlier import are left as they are", async () => {
    const path = fileWith("mended by hand", "r.ndjson");
    await expect(Rejects.open(path, undefined)).rejects.toThrow(/exists from an earlier import/);
    await expect(Rejects.open(path, 1_000)).rejects.toThrow(/not as the interrupted import left it/);
    expect(readFileSync(path, "utf8")).toBe("mended by hand");
  });

  test("that cannot be written end the import", async () => {
    const path = join(temporaryFolder(), "folder", "r");
    await expect(Rejects.check(path)).rejects.toThrow(/cannot write into .*folder.*--rejected/);
    mkdirSync(dirname(path));
    await Rejects.check(path);
    const rejects = await Rejects.open(path, undefined);
    rmdirSync(dirname(path));
    const ledger = new Ledger({ rejects, journal: undefined, onInvalid: () => {} });
    async function* endless(): AsyncGenerator<Iterable<Row>> {
      for (;;) yield [{ kind: "invalid", line: 1, reason: "", kept: `{"row":"${"x".repeat(1_000)}"}` }];
    }
    await expect(collect(each(ledger.users(endless())))).rejects.toThrow(/cannot write .*--rejected/);
  });
});

describe("a journal", () => {
  const progress: Progress = {
    answered: 3,
    invalid: 1,
    passedOver: 0,
    withPreferences: 0,
    counts: { created: 1, updated: 1, unchanged: 1, applied: 0, failed: 0 },
    rejectedBytes: 10,
  };

  test("is read by the same import alone", async () => {
    const source = fileWith("x".repeat(200_000), "users.ndjson");
    const path = journalPath(source);
    const identity = await identify(source, more);
    expect(await readJournal(path, identity)).toBeUndefined();
    await new Journal(path, identity).write(progress);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await readJournal(path, await identify(source, more))).toEqual(progress);

    // As 0.1 wrote it.
    writeFileSync(path, readFileSync(path, "utf8").replace('"applied":0,', ""));
    expect(await readJournal(path, identity)).toEqual(progress);

    const reading = async (other: object) => readJournal(path, await identify(source, { ...more, ...other }));
    await expect(reading({ server: "http://other" })).rejects.toThrow(/went to http:\/\/127.*--server/);
    await expect(reading({ options: { format: "csv" } })).rejects.toThrow(/the same options/);
    await expect(reading({ rejected: "/other" })).rejects.toThrow(/--rejected/);
    const { mtime } = statSync(source);
    appendFileSync(source, "y");
    utimesSync(source, mtime, mtime);
    await expect(reading({})).rejects.toThrow(/has changed/);
    writeFileSync(source, `${"x".repeat(199_999)}y`);
    utimesSync(source, mtime, mtime);
    await expect(reading({})).rejects.toThrow(/has changed/);
    writeFileSync(path, '{"version":1}');
    await expect(reading({})).rejects.toThrow(/not a readable journal/);
  });
});

describe("an import that is killed at any time, and resumed", () => {
  /** An import whose answers come in the order sent; `stopAfter` steps of its work, it is killed. */
  async function importUntil(
    folder: string,
    rows: readonly Row[],
    { refuses, stopAfter }: { refuses: (line: number) => boolean; stopAfter: number },
  ): Promise<{ readonly applied: string[]; readonly progress: Progress }> {
    const source = join(folder, "source");
    const rejected = join(folder, "rejected");
    const identity = await identify(source, more);
    const from = await readJournal(journalPath(source), identity);
    const rejects = await Rejects.open(rejected, from?.rejectedBytes);
    let clock = 0;
    const ledger = new Ledger({
      rejects,
      journal: new Journal(journalPath(source), identity),
      from,
      onInvalid: () => {},
      now: () => (clock += 400),
    });
    const applied: string[] = [];
    const counts = { created: 0, updated: 0, unchanged: 0, applied: 0, failed: 0 };
    const waiting: KeptUser[] = [];
    let answered = 0;
    const answer = () => {
      for (const user of waiting.splice(0)) {
        answered++;
        if (refuses(user.line)) counts.failed++;
        else counts.created++;
      }
      ledger.answered(answered, counts);
    };
    let steps = 0;
    for await (const user of each(ledger.users(stream(rows)))) {
      if (++steps > stopAfter) {
        // More may have been written by then than the journal knows of.
        await rejects.close();
        return { applied, progress: ledger.progress };
      }
      // It is applied, and its refusal known, before it is told to have been answered.
      applied.push(user.id);
      const kept = ledger.keep(user);
      if (refuses(user.line)) ledger.refused(kept, () => user, refusal);
      waiting.push(kept);
      if (waiting.length === 3) answer();
    }
    answer();
    await ledger.end("complete");
    return { applied, progress: ledger.progress };
  }

  test("reports each rejected row once, counts every row once, and leaves out none", async () => {
    const kinds = fc.array(fc.constantFrom("user", "refused", "invalid", "passed over"), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(kinds, fc.array(fc.nat(30), { maxLength: 4 }), async (list, stops) => {
        const rows = list.map((kind, index): Row => {
          const line = index + 1;
          if (kind === "passed over") return { kind, line };
          if (kind === "invalid") return { kind, line, reason: "no", kept: "{}" };
          return { kind: "user", line, id: `u${line}`, preferences: { p: 1 } };
        });
        const refuses = (line: number) => list[line - 1] === "refused";
        const folder = temporaryFolder();
        writeFileSync(join(folder, "source"), "");
        const sent: string[] = [];
        // A fresh import would not begin over the rejected rows of another: the journal begins with nothing done.
        const identity = await identify(join(folder, "source"), more);
        await new Journal(journalPath(join(folder, "source")), identity).write((await cleanStart(folder)).progress);
        for (const stopAfter of stops) {
          const { applied } = await importUntil(folder, rows, { refuses, stopAfter });
          sent.push(...applied);
          if (!existsSync(journalPath(join(folder, "source")))) break;
        }
        let progress: Progress | undefined;
        if (existsSync(journalPath(join(folder, "source")))) {
          const last = await importUntil(folder, rows, { refuses, stopAfter: Number.POSITIVE_INFINITY });
          sent.push(...last.applied);
          progress = last.progress;
        }
        const numbered = (kind: string) => list.flatMap((each, index) => (each === kind ? [index + 1] : []));
        const users = [...numbered("user"), ...numbered("refused")].length;
        expect(new Set(sent).size).toBe(users);
        const lines = rejectedLines(join(folder, "rejected")).map(({ rejected }) => rejected.line);
        expect(lines.sort((a, b) => a - b)).toEqual(
          [...numbered("refused"), ...numbered("invalid")].sort((a, b) => a - b),
        );
        if (progress === undefined) return;
        expect(progress).toMatchObject({
          answered: users,
          invalid: numbered("invalid").length,
          passedOver: numbered("passed over").length,
          withPreferences: users,
          counts: { created: numbered("user").length, failed: numbered("refused").length },
        });
      }),
      { numRuns: 60 },
    );
  });

  async function cleanStart(folder: string): Promise<Ledger> {
    const rejects = await Rejects.open(join(folder, "rejected"), undefined);
    onTestFinished(() => rejects.close());
    return new Ledger({ rejects, journal: undefined, onInvalid: () => {} });
  }
});

async function* each<Item>(lists: AsyncIterable<Iterable<Item>>): AsyncGenerator<Item> {
  for await (const items of lists) yield* items;
}

async function* stream(rows: readonly Row[]): AsyncGenerator<Iterable<Row>> {
  for (const row of rows) yield [row];
}
