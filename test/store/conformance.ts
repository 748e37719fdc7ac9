/** What every store promises, as one suite of tests that runs against each adapter. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { UserStore, WriteCommand } from "../../src/users/store.ts";
import { applied, command, drawEtag, readable, userId } from "../support/commands.ts";
import type { TemporaryStore } from "../support/stores.ts";
import { canonical, decode } from "../support/struct.ts";
import { furtherVerbs } from "./conformance-verbs.ts";

/** Opens an empty store. */
export type OpenStore = () => Promise<Pick<TemporaryStore, "store" | "close">>;

/** @param open is called once */
export function storeConformance(name: string, open: OpenStore): void {
  describe(`the store ${name}`, () => {
    let store: UserStore;
    let close: () => Promise<void>;
    beforeAll(async () => {
      ({ store, close } = await open());
    });
    afterAll(() => close());

    const identify = async (...commands: WriteCommand[]) => (await store.write(commands)).map(applied);
    const propertiesOf = async (id: string) => {
      const user = readable((await store.get([userId(id)]))[0]);
      return user === undefined ? undefined : decode(user.properties);
    };

    test("creates a user and gives it back", async () => {
      const etag = drawEtag();
      const [result] = await identify(command("create", { name: "Ada", n: 1 }, { etag }));
      expect(result).toMatchObject({ outcome: "created", etag });
      const user = readable((await store.get([userId("create")]))[0]);
      expect(user).toEqual(result?.user);
      expect(user).toMatchObject({ id: "create", etag });
      expect(user?.preferences).toHaveLength(0);
      expect(user?.updatedAt).toBe(user?.createdAt);
      expect(Math.abs((user?.createdAt ?? 0) / 1_000 - Date.now())).toBeLessThan(60_000);
      expect(decode(user?.properties ?? new Uint8Array())).toEqual({ name: "Ada", n: 1 });
    });

    test("merges one level deep, byte for byte canonical", async () => {
      await identify(command("merge", { b: { x: 1, y: 2 }, d: [1, 2], é: "kept" }));
      const [result] = await identify(command("merge", { a: 1, b: { x: 3 }, c: null, z: 2 }));
      expect(result?.outcome).toBe("updated");
      const expected = canonical({ a: 1, b: { x: 3 }, c: null, d: [1, 2], é: "kept", z: 2 });
      expect(Buffer.compare(result?.user?.properties ?? new Uint8Array(), expected)).toBe(0);
      expect(await propertiesOf("merge")).toEqual({ a: 1, b: { x: 3 }, c: null, d: [1, 2], é: "kept", z: 2 });
    });

    test("answers UNCHANGED, and writes nothing, where no property differs", async () => {
      const [created] = await identify(command("same", { a: 1, b: [true], c: "x" }));
      const [whole, part, none] = await identify(
        command("same", { a: 1, b: [true], c: "x" }),
        command("same", { b: [true] }),
        command("same", {}),
      );
      for (const result of [whole, part, none]) {
        expect(result).toEqual({ outcome: "unchanged", etag: created?.etag, user: created?.user, ignored: [] });
      }
    });

    test("gives each change a new etag and a greater time, and keeps the time of creation", async () => {
      const [created] = await identify(command("times", { n: 0 }));
      const changes = await identify(...[1, 2, 3, 4].map((n) => command("times", { n })));
      const times = [created, ...changes].map((result) => result?.user?.updatedAt ?? 0);
      expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
      expect(new Set(changes.map(({ etag }) => etag)).size).toBe(4);
      for (const { user } of changes) expect(user?.createdAt).toBe(created?.user?.createdAt);
    });

    test("applies the commands of a list in order, also to the same user", async () => {
      const results = await identify(
        command("order", { n: 1 }),
        command("order", { n: 2 }),
        command("order", { n: 2 }),
      );
      expect(results.map(({ outcome }) => outcome)).toEqual(["created", "updated", "unchanged"]);
      expect(await propertiesOf("order")).toEqual({ n: 2 });
    });

    test("does not create a user with a command that may not, but changes one that is there", async () => {
      const refused = await store.write([command("required", { n: 1 }, { canCreate: false })]);
      expect(refused).toEqual([{ refused: "required-missing" }]);
      expect(await propertiesOf("required")).toBeUndefined();
      await identify(command("required", { name: "x" }));
      const [changed] = await identify(command("required", { n: 1 }, { canCreate: false }));
      expect(changed?.outcome).toBe("updated");
    });

    test("one refused command leaves the others of its list alone", async () => {
      const results = await store.write([
        command("among-1", { a: 1 }),
        command("among-2", { a: 1 }, { canCreate: false }),
        command("among-3", { a: 1 }),
      ]);
      expect(results.map((result) => ("refused" in result ? result.refused : result.outcome))).toEqual([
        "created",
        "required-missing",
        "created",
      ]);
    });

    test("refuses a merge to more than 512 properties, and leaves the user as it was", async () => {
      const some = (from: number, to: number) =>
        Object.fromEntries(Array.from({ length: to - from }, (_, i) => [`p${from + i}`, i]));
      const [before] = await identify(command("many", some(0, 500)));
      const results = await store.write([
        command("many", some(500, 513)),
        command("many", some(500, 512), { wantUser: false }),
      ]);
      expect(results[0]).toEqual({ refused: "too-many-properties", count: 513 });
      expect(applied(results[1]).outcome).toBe("updated");
      expect(before?.outcome).toBe("created");
      expect(Object.keys((await propertiesOf("many")) as object)).toHaveLength(512);
    });

    test("refuses a merge to more than 256 KiB, and leaves the user as it was", async () => {
      const text = "x".repeat(60_000);
      await identify(command("large", { a: text, b: text, c: text, d: text }));
      const [result] = await store.write([command("large", { e: text })]);
      expect(result).toMatchObject({ refused: "too-large" });
      expect(result !== undefined && "bytes" in result && result.bytes).toBeGreaterThan(256 * 1024);
      expect(Object.keys((await propertiesOf("large")) as object)).toEqual(["a", "b", "c", "d"]);
    });

    test("recognises a command that it has applied already", async () => {
      const create = command("again", { n: 1 });
      const [created] = await identify(create);
      expect(await identify(create)).toEqual([created]);
      const change = command("again", { n: 2 });
      const [updated] = await identify(change);
      expect(await identify(change)).toEqual([updated]);
      expect(updated?.outcome).toBe("updated");
    });

    test("gives users in the order of the ids, and undefined for those that are not there", async () => {
      await identify(command("get-a", { a: 1 }), command("get-b", { b: 1 }));
      const users = await store.get(["get-b", "get-none", "get-a", "get-b"].map(userId));
      expect(users.map((user) => user?.id)).toEqual(["get-b", undefined, "get-a", "get-b"]);
    });

    test("leaves the user out of a result that does not want it", async () => {
      const [result] = await identify(command("unwanted", { a: 1 }, { wantUser: false }));
      expect(result?.user).toBeUndefined();
    });

    test("keeps hostile ids and names apart", async () => {
      const ids = ["{a}", "a}{b", "__proto__", "a:b", "é", "e\u0301", "𝄞", " ", "%00", "x".repeat(256)];
      await identify(...ids.map((id, index) => command(id, { ["__proto__"]: index, constructor: id, "a.b": null })));
      for (const [index, id] of ids.entries()) {
        const found = await propertiesOf(id);
        expect(Object.entries(found as object).sort()).toEqual([
          ["__proto__", index],
          ["a.b", null],
          ["constructor", id],
        ]);
      }
    });

    test("names of any length from 1 to 128 bytes merge", async () => {
      const names = [1, 2, 60, 117, 118, 126, 127, 128].map((length) => "n".repeat(length));
      await identify(command("names", Object.fromEntries(names.map((name) => [name, 1]))));
      const [result] = await identify(
        command("names", Object.fromEntries(names.map((name) => [name, "y".repeat(200)]))),
      );
      expect(result?.outcome).toBe("updated");
      expect(await propertiesOf("names")).toEqual(Object.fromEntries(names.map((name) => [name, "y".repeat(200)])));
    });

    test("50 callers that each set another property of one user leave all 50", async () => {
      await Promise.all(Array.from({ length: 50 }, (_, i) => store.write([command("fifty", { [`p${i}`]: i })])));
      expect(await propertiesOf("fifty")).toEqual(
        Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`p${i}`, i])),
      );
    });

    test("keeps a list of 1,000 users", async () => {
      const commands = Array.from({ length: 1_000 }, (_, i) => command(`thousand-${i}`, { i }, { wantUser: false }));
      const results = await identify(...commands);
      expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set(["created"]));
      const users = (await store.get(commands.map(({ id }) => id))).map(readable);
      expect(users.map((user) => decode(user?.properties ?? new Uint8Array()))).toEqual(
        commands.map((_, i) => ({ i })),
      );
    });

    furtherVerbs(() => store);

    test("says that it is ready", async () => {
      await expect(store.check()).resolves.toEqual([]);
    });
  });
}
