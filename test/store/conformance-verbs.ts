/** What every store promises of the verbs and fields beyond a plain identify; part of its conformance suite. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import type { UserStore, WriteCommand } from "../../src/users/store.ts";
import type { UserId } from "../../src/users/user-id.ts";
import { applied, command, deletion, drawEtag, edit, readable, setPreferences, userId } from "../support/commands.ts";
import { decode, encode } from "../support/struct.ts";

/** @param open gives the store, which tests share: each has ids of its own */
export function furtherVerbs(open: () => UserStore): void {
  const write = async (...commands: WriteCommand[]) => (await open().write(commands)).map(applied);
  const outcomes = async (...commands: WriteCommand[]) =>
    (await open().write(commands)).map((result) => ("refused" in result ? result.refused : result.outcome));
  const propertiesOf = async (id: string): Promise<JsonValue | undefined> => {
    const user = readable((await open().get([userId(id)]))[0]);
    return user === undefined ? undefined : decode(user.properties);
  };

  test("set_once writes what is not there, and names what is", async () => {
    const [created] = await write(edit("once", { setOnce: { a: 1, b: null } }));
    expect(created).toMatchObject({ outcome: "created", ignored: [] });
    const [second] = await write(edit("once", { set: { c: 3 }, setOnce: { b: 2, a: 2, d: 4 } }));
    expect(second).toMatchObject({ outcome: "updated", ignored: ["a", "b"] });
    expect(await propertiesOf("once")).toEqual({ a: 1, b: null, c: 3, d: 4 });
    expect(await write(edit("once", { setOnce: { a: 1 } }))).toMatchObject([{ outcome: "unchanged", ignored: ["a"] }]);
  });

  test("unset removes what is there", async () => {
    await write(command("unset", { a: 1, b: 2, c: 3 }));
    expect(await write(edit("unset", { set: { d: 4 }, unset: ["b", "none"] }))).toMatchObject([{ outcome: "updated" }]);
    expect(await propertiesOf("unset")).toEqual({ a: 1, c: 3, d: 4 });
    expect(await outcomes(edit("unset", { unset: ["b", "none"] }))).toEqual(["unchanged"]);
    await write(edit("unset", { unset: ["a", "c", "d"] }));
    expect(await propertiesOf("unset")).toEqual({});
  });

  test("preconditions are checked in the step that writes", async () => {
    const missing = { exists: false };
    expect(await outcomes(command("condition", { n: 1 }, { precondition: { exists: true } }))).toEqual(["not-found"]);
    expect(await outcomes(command("condition", { n: 1 }, { precondition: { etag: "x" } }))).toEqual(["not-found"]);
    const [created] = await write(command("condition", { n: 1 }, { precondition: missing }));
    const precondition = { etag: created?.etag ?? "" };
    expect(
      await outcomes(
        command("condition", { n: 1 }, { precondition: missing }),
        command("condition", { n: 2 }, { precondition: { etag: "another" } }),
        command("condition", { n: 2 }, { precondition }),
        command("condition", { n: 3 }, { precondition }),
      ),
    ).toEqual(["already-exists", "etag-mismatch", "updated", "etag-mismatch"]);
    expect(await propertiesOf("condition")).toEqual({ n: 2 });
  });

  test("observed writes win by their time, and removals leave a mark", async () => {
    const at = (observedAt: number) => ({ observedAt });
    await write(command("observed", { a: "first" }, at(10)));
    expect(await write(command("observed", { a: "older", b: 1 }, at(9)))).toMatchObject([
      { outcome: "updated", ignored: ["a"] },
    ]);
    await write(edit("observed", { unset: ["a"] }, at(11)));
    expect(await write(command("observed", { a: "late" }, at(10)))).toMatchObject([
      { outcome: "unchanged", ignored: ["a"] },
    ]);
    expect(await propertiesOf("observed")).toEqual({ b: 1 });
    // At equal times a value beats a removal, and the greater bytes the smaller.
    await write(command("observed", { a: "b" }, at(11)), edit("observed", { unset: ["a"] }, at(11)));
    await write(command("observed", { a: "a" }, at(11)));
    expect(await propertiesOf("observed")).toEqual({ a: "b", b: 1 });
    // A write without a time always applies, and lifts the mark.
    await write(command("observed", { a: "now" }));
    expect(await outcomes(command("observed", { a: "before" }, at(Date.now() * 1_000 - 60_000_000)))).toEqual([
      "unchanged",
    ]);
    const hourAhead = Date.now() * 1_000 + 3_700_000_000;
    expect(await outcomes(command("observed", { a: "ahead" }, at(hourAhead)))).toEqual(["observed-ahead"]);
    expect(await propertiesOf("observed")).toEqual({ a: "now", b: 1 });
  });

  test("a newer time is remembered where the value is equal", async () => {
    const [first] = await write(command("equal", { a: 1 }, { observedAt: 10 }));
    const [again] = await write(command("equal", { a: 1 }, { observedAt: 20 }));
    expect(again).toMatchObject({ outcome: "unchanged", etag: first?.etag, user: first?.user });
    expect(await write(command("equal", { a: 2 }, { observedAt: 15 }))).toMatchObject([{ ignored: ["a"] }]);
  });

  test("marks count as properties", async () => {
    const names = Array.from({ length: 512 }, (_, i) => `p${i}`);
    await write(command("marks", Object.fromEntries(names.map((name) => [name, 1])), { observedAt: 1 }));
    await write(edit("marks", { unset: names }, { observedAt: 2 }));
    expect(await propertiesOf("marks")).toEqual({});
    expect(await open().write([command("marks", { another: 1 })])).toEqual([
      { refused: "too-many-properties", count: 513 },
    ]);
    await write(command("marks", { p0: 1 }));
    expect(await propertiesOf("marks")).toEqual({ p0: 1 });
  });

  test("a refusal that hides which edits win is the same whichever win", async () => {
    const at = (observedAt: number, hidesOutcome = true) => ({ observedAt, hidesOutcome });
    const fill = "f".repeat(60_000);
    const stored = { a: fill, b: fill, c: fill, d: fill, e: "e".repeat(22_000), short: "s" };
    const most = (...changes: JsonObject[]) => encode(Object.assign({}, stored, ...changes)).length;
    await write(command("hides", stored, { observedAt: 1_000 }));
    const longer = { short: "t".repeat(200) };
    const refusal = { refused: "too-large", bytes: most(longer) };
    expect(refusal.bytes).toBeGreaterThan(256 * 1024);
    for (const time of [999, 1_000, 1_001]) {
      expect(await open().write([command("hides", longer, at(time))])).toEqual([refusal]);
    }
    // What else is sent may win and make room, or not.
    const shorter = { a: "" };
    expect(await open().write([edit("hides", { set: { ...longer, ...shorter }, unset: ["b"] }, at(2_000))])).toEqual([
      refusal,
    ]);
    expect(await open().write([command("hides", { ...longer, none: 1 }, at(999))])).toEqual([
      { ...refusal, bytes: most(longer, { none: 1 }) },
    ]);
    // Who may learn it is told that it lost.
    expect(await outcomes(command("hides", longer, at(999, false)))).toEqual(["unchanged"]);
    expect(await outcomes(command("hides", { short: "t" }, at(999)), command("hides", shorter, at(1_001)))).toEqual([
      "unchanged",
      "updated",
    ]);
    expect(await write(command("hides", longer, at(1_002)))).toMatchObject([{ outcome: "updated" }]);
    expect(await propertiesOf("hides")).toEqual({ ...stored, ...shorter, ...longer });
  });

  test("validate_only says what would be, and writes nothing", async () => {
    const only = { validateOnly: true };
    const [none] = await write(command("validate", { n: 1 }, only));
    expect(none).toMatchObject({ outcome: "created", etag: "", user: { createdAt: 0, updatedAt: 0, etag: "" } });
    expect(await propertiesOf("validate")).toBeUndefined();
    const [created] = await write(command("validate", { n: 1 }));
    const [would] = await write(command("validate", { n: 2 }, only));
    expect(would).toMatchObject({ outcome: "updated", etag: created?.etag });
    expect(decode(would?.user?.properties ?? new Uint8Array())).toEqual({ n: 2 });
    expect(await propertiesOf("validate")).toEqual({ n: 1 });
    await write(command("validate", { n: 1 }, { ...only, observedAt: 5 }));
    expect(await outcomes(command("validate", { n: 3 }, { observedAt: 4 }))).toEqual(["updated"]);
  });

  test("preferences are replaced or merged, and stay where properties change", async () => {
    expect(await outcomes(setPreferences("preferences", { a: 1 }))).toEqual(["not-found"]);
    const [created] = await write(command("preferences", { n: 1 }));
    const [set] = await write(setPreferences("preferences", { a: 1, b: 2 }));
    expect(set?.user?.updatedAt).toBeGreaterThan(created?.user?.updatedAt ?? 0);
    const [same] = await write(setPreferences("preferences", { b: 2, a: 1 }));
    expect(same).toMatchObject({ outcome: "unchanged", etag: set?.etag, user: set?.user });
    const [merged] = await write(setPreferences("preferences", { b: 3, c: null }, { merge: true }));
    expect(decode(merged?.user?.preferences ?? new Uint8Array())).toEqual({ a: 1, b: 3, c: null });
    const [changed] = await write(command("preferences", { n: 2 }));
    expect(changed?.user?.preferences).toEqual(merged?.user?.preferences);
    expect(await outcomes(setPreferences("preferences", {}, { precondition: { etag: "another" } }))).toEqual([
      "etag-mismatch",
    ]);
    const [none] = await write(setPreferences("preferences", {}));
    expect(none?.user?.preferences).toHaveLength(0);
  });

  test("preferences over 64 KiB are refused, also once merged", async () => {
    await write(command("much", { n: 1 }), setPreferences("much", { a: "x".repeat(60_000) }));
    const [result] = await open().write([setPreferences("much", { b: "x".repeat(10_000) }, { merge: true })]);
    expect(result).toMatchObject({ refused: "too-large" });
  });

  test("a deleted user is gone, and is another one when it is created again", async () => {
    expect(await outcomes(deletion("gone"), deletion("gone", { allowMissing: true }))).toEqual([
      "not-found",
      "unchanged",
    ]);
    const [first] = await write(command("gone", { n: 1, old: 1 }, { observedAt: 100 }));
    await write(setPreferences("gone", { p: 1 }));
    expect(await outcomes(deletion("gone", { precondition: { etag: first?.etag ?? "" }, allowMissing: true }))).toEqual(
      ["etag-mismatch"],
    );
    expect(await write(deletion("gone"))).toEqual([{ outcome: "deleted", etag: "", user: undefined, ignored: [] }]);
    expect(await propertiesOf("gone")).toBeUndefined();
    const [second] = await write(command("gone", { n: 2 }, { observedAt: 50 }));
    expect(second).toMatchObject({ outcome: "created", ignored: [] });
    expect(second?.user?.preferences).toHaveLength(0);
    expect(await propertiesOf("gone")).toEqual({ n: 2 });
    expect(await outcomes(command("gone", { n: 3 }, { precondition: { etag: first?.etag ?? "" } }))).toEqual([
      "etag-mismatch",
    ]);
  });

  describe("recognises by its etag a command that it has applied already", () => {
    test("whatever its precondition says by now", async () => {
      const create = command("repeat", { n: 1 }, { precondition: { exists: false } });
      const [created] = await write(create);
      expect(await write(create)).toEqual([created]);
      const change = command("repeat", { n: 2 }, { precondition: { etag: created?.etag ?? "" } });
      const [updated] = await write(change);
      expect(await write(change)).toEqual([updated]);
      const preferences = setPreferences("repeat", { a: 1 }, { precondition: { etag: updated?.etag ?? "" } });
      const [set] = await write(preferences);
      expect(await write(preferences)).toEqual([set]);
    });

    test("with what was set once", async () => {
      await write(command("repeat-once", { there: 1 }));
      const once = edit("repeat-once", { setOnce: { there: 2, new: 1 } });
      const [first] = await write(once);
      expect(first).toMatchObject({ outcome: "updated", ignored: ["there"] });
      expect(await write(once)).toEqual([first]);
    });

    test("with observed times", async () => {
      await write(command("repeat-observed", { a: 1 }, { observedAt: 20 }));
      const observed = edit("repeat-observed", { set: { a: 2, b: 1 }, unset: ["c"] }, { observedAt: 10 });
      const [first] = await write(observed);
      expect(first).toMatchObject({ outcome: "updated", ignored: ["a"] });
      expect(await write(observed)).toEqual([first]);
    });
  });

  test("a list beyond what one answer holds is read as far as it fits, and the rest again", async () => {
    const text = "x".repeat(60_000);
    const ids = Array.from({ length: 40 }, (_, i) => `large-read-${i}`);
    await write(...ids.map((id) => command(id, { a: text, b: text, c: text }, { wantUser: false })));
    const users = (await open().get(ids.map(userId))).map(readable);
    expect(users.map((user) => user?.id)).toEqual(ids);
    expect(users.every((user) => (user?.properties.length ?? 0) > 180_000)).toBe(true);
  });

  test("ids are listed in a stable order, from any id on", async () => {
    const listed = async (count: number) => {
      const found: UserId[] = [];
      for (let after: UserId | undefined; ; after = found.at(-1)) {
        const ids = await open().list(after, count);
        found.push(...ids);
        if (ids.length < count) return found;
      }
    };
    const ids = [
      "list-a",
      "list-\u{10ffff}",
      "list-é",
      "list-",
      "LIST",
      ...Array.from({ length: 300 }, (_, i) => `list-${i}`),
    ];
    await write(...ids.map((id) => command(id, { n: 1 }, { wantUser: false })));
    const all = await listed(1_000);
    expect(new Set(all).size).toBe(all.length);
    expect(all).toEqual(expect.arrayContaining(ids));
    expect(await listed(7)).toEqual(all);
    // From an id without a user too, and after deletions.
    const [first, second] = [all.indexOf(userId("list-5")), all.indexOf(userId("list-50"))];
    await write(deletion("list-5"), deletion("list-50"));
    expect(await open().list(userId("list-5"), 1)).toEqual([all[first + 1 === second ? first + 2 : first + 1]]);
    expect(await listed(50)).toEqual(all.filter((_, index) => index !== first && index !== second));
  });

  test("a list of commands of all verbs applies in order", async () => {
    expect(
      await outcomes(
        command("all", { n: 1 }),
        setPreferences("all", { a: 1 }),
        deletion("all"),
        setPreferences("all", { a: 1 }),
        command("all", { n: 1 }, { etag: drawEtag() }),
        edit("all", { unset: ["n"] }),
        command("all", { n: 1 }, { validateOnly: true }),
      ),
    ).toEqual(["created", "updated", "deleted", "not-found", "created", "updated", "updated"]);
    expect(await propertiesOf("all")).toEqual({});
  });
}
