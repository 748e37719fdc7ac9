/** `rollcall list` and `export` with a filter. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { toJson } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { User } from "#gen/rollcall/v1/user_pb.js";
import { createRollcallClient, importUsers } from "../../src/client/index.ts";
import { limits } from "../../src/users/limits.ts";
import { temporaryFolder } from "../support/files.ts";
import { rollcall } from "../support/processes.ts";
import { ada, startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

/** More than one page of a scan looks at. */
const count = limits.maxScannedUsers + 500;
const rare = [3, 5_000, count - 1];
const idOf = (n: number) => `u${String(n).padStart(5, "0")}`;
const planOf = (n: number) => (rare.includes(n) ? "pro" : "free");

let server: TestServer;
/** When the last user of the import was updated, in RFC 3339. */
let imported: string;
beforeAll(async () => {
  server = await startTestServer();
  const users = createRollcallClient(server.url);
  const all = Array.from({ length: count }, (_, n) => ({
    id: idOf(n),
    properties: { ...ada, plan: planOf(n), n, group: n % 2 === 0 ? "7" : 7 },
  }));
  await importUsers(users, all, { onRefused: ({ id }) => expect.fail(id) });
  imported = updateOf(await users.getUser({ id: idOf(count - 1) }));
  // The store's clock has moved on once it gives a later time.
  let attempt = 0;
  await until(async () => {
    const changed = await users.identify({ id: idOf(7), properties: { changed: ++attempt } });
    return updateOf(changed) > imported;
  });
}, 60_000);
afterAll(() => server.stop());

function updateOf({ user }: { readonly user?: User | undefined }): string {
  if (user?.updatedAt === undefined) throw new Error("the user has no time");
  return toJson(TimestampSchema, user.updatedAt);
}

const call = (...args: string[]) => rollcall(args, { ROLLCALL_SERVER: server.url });
const idsIn = (ndjson: string) => ndjson.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line).id]));

describe("list --where", () => {
  test("fills a page from as many pages of a scan as it takes", async () => {
    const first = await call("list", "--where", "plan=pro", "--page-size", "2", "--only", "n");
    const { users, looked_at, next_page_token } = JSON.parse(first.stdout);
    expect(users).toMatchObject([
      { id: idOf(3), properties: { n: 3 } },
      { id: idOf(5_000), properties: { n: 5_000 } },
    ]);
    expect(Number(looked_at)).toBe(5_001);
    const last = await call("list", "--where", "plan=pro", "--page-size", "2", "--page-token", next_page_token);
    expect(last.status).toBe(0);
    expect(JSON.parse(last.stdout).users).toMatchObject([{ id: idOf(count - 1) }]);
    expect(JSON.parse(last.stdout)).not.toHaveProperty("next_page_token");
  });

  test("finds those who meet all conditions, with values of the right kind", async () => {
    const all = await call("list", "--all", "--where", "plan=pro");
    expect(idsIn(all.stdout)).toEqual(rare.map(idOf));
    const numbers = await call("list", "--all", "--where", "plan=pro", "--where", "group=7");
    expect(idsIn(numbers.stdout)).toEqual([idOf(3), idOf(count - 1)]);
    const texts = await call("list", "--all", "--where", "plan=pro", "--where", "group=7", "--text");
    expect(idsIn(texts.stdout)).toEqual([idOf(5_000)]);
  });

  test("says that nobody is found, and ends with status 1", async () => {
    const one = await call("list", "--all", "--where", "plan=enterprise");
    expect(one).toEqual({ status: 1, stdout: "", stderr: "rollcall: there is no such user\n" });
    const page = await call("list", "--where", "plan=enterprise");
    expect(page).toMatchObject({ status: 1, stderr: "rollcall: there is no such user\n" });
    expect(JSON.parse(page.stdout)).toEqual({ looked_at: String(count) });
  });

  test("says how a value was read that no user has", async () => {
    const stderr =
      "rollcall: there is no such user; phone was read as a number, and --text reads it as text; n was read as null, and --text reads it as text\n";
    const where = ["--where", "phone=44001", "--where", "plan=enterprise", "--where", "n=null"];
    expect(await call("list", "--all", ...where)).toEqual({ status: 1, stdout: "", stderr });
    const asText = await call("list", "--all", ...where, "--text");
    expect(asText.stderr).toBe("rollcall: there is no such user\n");
  });

  test("finds 0 as -0, as an index does", async () => {
    const found = await call("list", "--where", "n=-0", "--only", "n");
    expect(JSON.parse(found.stdout).users).toMatchObject([{ id: idOf(0), properties: { n: 0 } }]);
  });

  test("refuses a property that is named twice, and other comparisons", async () => {
    const twice = await call("list", "--where", "plan=pro", "--where", "plan=free");
    expect(twice).toMatchObject({ status: 1, stderr: expect.stringContaining("--where names plan twice") });
    const start = await call("list", "--where", "plan^=pr");
    expect(start).toMatchObject({ status: 1, stderr: expect.stringContaining("write NAME=VALUE") });
  });
});

test("list --updated-after and --created-after compare times, or the beginnings of days", async () => {
  expect(idsIn((await call("list", "--all", "--updated-after", imported)).stdout)).toEqual([idOf(7)]);
  expect(await call("list", "--all", "--created-after", imported)).toMatchObject({ status: 1, stdout: "" });
  const days = ["--updated-after", "2026-01-01", "--created-after", "2026-01-01"];
  expect(idsIn((await call("list", "--all", "--where", "plan=pro", ...days)).stdout)).toEqual(rare.map(idOf));
});

test.each(["2026-13-01", "2026-02-30", "2026-02-29T12:00:00Z", "2026-04-31T00:00:00+02:00", "yesterday"])(
  "list --updated-after refuses %s, which is no time and no date",
  async (time) => {
    const { status, stderr } = await call("list", "--updated-after", time);
    expect(status).toBe(1);
    expect(stderr).toContain("Expected a time or a date, as in 2026-01-31T12:00:00Z or 2026-01-31.");
  },
);

test.each(["2028-02-29", "2028-02-29T23:59:59-11:00"])("list --updated-after takes %s", async (time) => {
  expect(await call("list", "--updated-after", time)).toMatchObject({
    status: 1,
    stderr: "rollcall: there is no such user\n",
  });
});

test("export writes only the users that a filter wants, in either format", async () => {
  const folder = temporaryFolder();
  const [ndjson, csv] = [join(folder, "pro.ndjson"), join(folder, "pro.csv")];
  const done = await call("export", ndjson, "--where", "plan=pro", "--updated-after", "2026-01-01");
  expect(done).toEqual({ status: 0, stdout: "", stderr: `3 users are in ${ndjson}\n` });
  expect(idsIn(readFileSync(ndjson, "utf8"))).toEqual(rare.map(idOf));
  // Its columns are the properties of these users.
  await call("export", csv, "--updated-after", imported);
  expect(readFileSync(csv, "utf8")).toMatch(/^id,changed,email,group,n,name,plan\r?\nu00007,\d+,[^\n]*\n$/);
  const none = await call("export", ndjson, "--where", "plan=enterprise");
  expect(none).toMatchObject({ status: 0, stderr: `0 users are in ${ndjson}\n` });
  expect(readFileSync(ndjson, "utf8")).toBe("");
});
