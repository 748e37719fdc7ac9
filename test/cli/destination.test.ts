/** What a command is told to write to and is no regular file stays what it is. */
import { hash } from "node:crypto";
import { once } from "node:events";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { openOutput } from "../../src/cli/export/output.ts";
import { Journal, nothingDone, readJournal } from "../../src/cli/import/journal.ts";
import { Rejects } from "../../src/cli/import/rejects.ts";
import { backUpDatabase } from "../../src/store/sqlite/backup.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { fileWith, temporaryFolder } from "../support/files.ts";
import { rollcall, startRollcall } from "../support/processes.ts";
import { startTestServer } from "../support/server.ts";
import { makeDevice, makePipe, makeSocket } from "../support/special-files.ts";

let folder: string;
const at = (name: string) => join(folder, name);
const kinds = () => Object.fromEntries(readdirSync(folder).map((name) => [name, kindOf(at(name))]));
beforeEach(() => {
  folder = realpathSync(temporaryFolder());
});

function kindOf(path: string): string {
  const found = lstatSync(path);
  if (found.isSymbolicLink()) return `link to ${readlinkSync(path)}`;
  if (found.isFIFO()) return "pipe";
  if (found.isSocket()) return "socket";
  return found.isCharacterDevice() ? "device" : "file";
}

const piece = "x".repeat(50_000);

/** Writes more than a pipe holds. */
async function exportTo(path: string): Promise<void> {
  const output = await openOutput(path);
  for (let n = 0; n < 20; n++) await output.write(piece);
  await output.finish();
}

const rejection = { code: "INVALID_ARGUMENT", reason: "INVALID_ROW", message: "is wrong" };

async function rejectInto(path: string, resumeAt?: number): Promise<void> {
  await Rejects.check(path);
  const rejects = await Rejects.open(path, resumeAt);
  for (let line = 1; line <= 3; line++) {
    rejects.add(line, `{"id":"u${line}"}`, rejection);
    await rejects.sync();
  }
  await rejects.close();
}

const rejected = [1, 2, 3].map((line) => JSON.stringify({ id: `u${line}`, rejected: { line, ...rejection } }));

describe("a pipe", () => {
  test("takes an export, also a compressed one, and whether or not by a link", async () => {
    makePipe(at("pipe"));
    makePipe(at("pipe.gz"));
    symlinkSync("pipe", at("link"));
    const [text] = await Promise.all([readFile(at("pipe"), "utf8"), exportTo(at("pipe"))]);
    expect(text).toBe(piece.repeat(20));
    const [packed] = await Promise.all([readFile(at("pipe.gz")), exportTo(at("pipe.gz"))]);
    expect(`${gunzipSync(packed)}`).toBe(piece.repeat(20));
    const [linked] = await Promise.all([readFile(at("pipe"), "utf8"), exportTo(at("link"))]);
    expect(linked).toBe(piece.repeat(20));
    expect(kinds()).toEqual({ pipe: "pipe", "pipe.gz": "pipe", link: "link to pipe" });
  });

  test.each(["pipe", "pipe.gz"])("%s whose reader goes away ends an export with a word on it", async (name) => {
    makePipe(at(name));
    // That gzip makes little smaller.
    const random = Array.from({ length: 10_000 }, (_, n) => hash("sha256", `${n}`)).join("");
    const reading = async () => {
      const reader = await open(at(name), "r");
      await reader.read(Buffer.alloc(10));
      await reader.close();
    };
    const writing = async () => {
      const output = await openOutput(at(name));
      try {
        for (let n = 0; n < 20; n++) await output.write(random);
        await output.finish();
      } finally {
        await output.abandon();
      }
    };
    const [, written] = await Promise.allSettled([reading(), writing()]);
    expect(written).toMatchObject({
      reason: { name: "CliError", message: `cannot write ${at(name)}: its reader has closed it` },
    });
    expect(kinds()).toEqual({ [name]: "pipe" });
  });

  test("takes rejected rows, also of an import that goes on", async () => {
    makePipe(at("pipe"));
    for (const resumeAt of [undefined, 100]) {
      const [text] = await Promise.all([readFile(at("pipe"), "utf8"), rejectInto(at("pipe"), resumeAt)]);
      expect(text.trim().split("\n")).toEqual(rejected);
    }
    expect(kinds()).toEqual({ pipe: "pipe" });
  });

  test("is no journal: it is neither read nor replaced", async () => {
    const identity = {
      source: { size: 1, modifiedMs: 1, ends: "" },
      server: "http://127.0.0.1:1",
      rejected: at("r"),
      options: {},
    };
    for (const name of ["journal", "journal.tmp"]) {
      makePipe(at(name));
      const journal = new Journal(at("journal"), identity);
      await expect(journal.write(nothingDone)).rejects.toThrow(`cannot write ${at("journal")}: it is a pipe`);
      if (name === "journal") await expect(readJournal(at(name), identity)).rejects.toThrow(/cannot read .*a pipe/);
      await journal.remove();
      expect(kinds()).toMatchObject({ [name]: "pipe" });
      folder = realpathSync(temporaryFolder());
    }
  });

  test("takes what `rollcall export` and `rollcall import --rejected` write", async () => {
    const server = await startTestServer();
    onTestFinished(() => server.stop());
    makePipe(at("pipe"));
    const source = fileWith(`{"id":"a","properties":{"name":"Ada","email":"a@example.com"}}\n{"id":1}\n`, "u.ndjson");
    const importing = rollcall(["import", source, "--rejected", at("pipe"), "--server", server.url]);
    expect(await readFile(at("pipe"), "utf8")).toMatch(/^{"id":1,"rejected":{"line":2,/);
    expect(await importing).toMatchObject({ status: 1 });
    const exporting = rollcall(["export", at("pipe"), "--server", server.url]);
    expect(JSON.parse(await readFile(at("pipe"), "utf8"))).toMatchObject({ id: "a" });
    expect(await exporting).toEqual({ status: 0, stdout: "", stderr: `1 users are in ${at("pipe")}\n` });
    const waiting = startRollcall(["export", at("pipe"), "--server", server.url]);
    const closed = once(waiting, "close");
    // Until somebody reads, it waits; and can be stopped.
    await once(waiting, "spawn");
    waiting.kill("SIGTERM");
    expect(await closed).toEqual([null, "SIGTERM"]);
    expect(kinds()).toEqual({ pipe: "pipe" });
  });
});

describe("a symbolic link", () => {
  test("stays, and the file that it names is written", async () => {
    mkdirSync(at("elsewhere"));
    writeFileSync(at("elsewhere/users"), "before");
    symlinkSync("elsewhere/users", at("link"));
    symlinkSync("link", at("second"));
    await exportTo(at("second"));
    expect(readFileSync(at("elsewhere/users"), "utf8")).toBe(piece.repeat(20));
    expect(kinds()).toMatchObject({ link: "link to elsewhere/users", second: "link to link" });
    expect(readdirSync(at("elsewhere"))).toEqual(["users"]);
  });

  test("to nothing stays, and a file comes to be where it leads", async () => {
    mkdirSync(at("elsewhere"));
    symlinkSync("elsewhere", at("folder"));
    symlinkSync("../users", at("elsewhere/link"));
    symlinkSync("rows", at("rejected"));
    await exportTo(at("folder/link"));
    await rejectInto(at("rejected"));
    expect(readFileSync(at("users"), "utf8")).toBe(piece.repeat(20));
    expect(readFileSync(at("rows"), "utf8").trim().split("\n")).toEqual(rejected);
    expect(kinds()).toMatchObject({ folder: "link to elsewhere", rejected: "link to rows" });
    expect(readdirSync(at("elsewhere"))).toEqual(["link"]);
  });

  test("to itself is refused", async () => {
    symlinkSync("link", at("link"));
    await expect(openOutput(at("link"))).rejects.toThrow(/cannot write .*link/);
    await expect(Rejects.open(at("link"), undefined)).rejects.toThrow(/cannot write .*link/);
    expect(kinds()).toEqual({ link: "link to link" });
  });

  test("to a file of rejected rows has those of an earlier import", async () => {
    writeFileSync(at("rows"), "kept");
    symlinkSync("rows", at("link"));
    await expect(Rejects.open(at("link"), undefined)).rejects.toThrow(/exists from an earlier import/);
    await rejectInto(at("link"), 4);
    expect(readFileSync(at("rows"), "utf8")).toMatch(/^kept{"id":"u1",/);
  });

  test("is not replaced by a backup, nor by a journal", async () => {
    await (await openSqliteStore(at("users.db"))).close();
    symlinkSync("nothing", at("link"));
    await expect(backUpDatabase(at("users.db"), at("link"))).rejects.toThrow(`${at("link")} is there already`);
    const identity = { source: { size: 1, modifiedMs: 1, ends: "" }, server: "s", rejected: "r", options: {} };
    await expect(new Journal(at("link"), identity).write(nothingDone)).rejects.toThrow(/it is a symbolic link/);
    expect(kinds()).toMatchObject({ link: "link to nothing" });
  });
});

test("a socket is refused, and stays", async () => {
  await makeSocket(at("socket"));
  await expect(openOutput(at("socket"))).rejects.toThrow(`cannot write ${at("socket")}: it is a socket`);
  await expect(Rejects.open(at("socket"), undefined)).rejects.toThrow(/it is a socket/);
  expect(kinds()).toEqual({ socket: "socket" });
});

test("a device takes what is written, where there is one, and so does a pipe in its place", async () => {
  const isDevice = makeDevice(at("device"));
  if (!isDevice) makePipe(at("device"));
  const taken = () => (isDevice ? undefined : readFile(at("device")));
  await Promise.all([taken(), exportTo(at("device"))]);
  await Promise.all([taken(), rejectInto(at("device"))]);
  expect(kinds()).toEqual({ device: isDevice ? "device" : "pipe" });
});

test("what has become a pipe while an export was made is not replaced", async () => {
  const output = await openOutput(at("users"));
  await output.write(piece);
  makePipe(at("users"));
  await expect(output.finish()).rejects.toThrow(`cannot write ${at("users")}: it is a pipe`);
  await output.abandon();
  expect(kinds()).toEqual({ users: "pipe" });
});
