/** What follows from the declaration of an option. `npm run types` checks the types here, also that what must not compile does not. */
import { Command, createOption } from "@commander-js/extra-typings";
import { expect, expectTypeOf, test } from "vitest";
import { addOptions, checked, declareOptions, type SomeValuesOf } from "../../src/config/declare-options.ts";
import type { ServeSettings } from "../../src/config/options.ts";

const declared = declareOptions("Pets:", {
  petCount: createOption("--pet-count <count>", "how many").default(1).argParser(checked(Number)),
  kind: createOption("--kind <kind>", "which").choices(["cat", "dog"]),
  owner: createOption("--owner <name>", "whose"),
});

test("the values of a command have the names and types of their declarations", () => {
  const command = addOptions(new Command("pets").argument("<place>"), declared).action((place, values, { args }) => {
    expectTypeOf(place).toEqualTypeOf<string>();
    expectTypeOf(values.petCount).toEqualTypeOf<number>();
    expectTypeOf(values.kind).toEqualTypeOf<"cat" | "dog" | undefined>();
    expectTypeOf(values.owner).toEqualTypeOf<string | undefined>();
    // @ts-expect-error: no option has this name.
    expect(values.petcount).toBeUndefined();
    expect(values).toEqual({ petCount: 3, kind: "cat" });
    expect(args).toEqual(["here"]);
  });
  command.parse(["here", "--pet-count", "3", "--kind", "cat"], { from: "user" });
  expect(command.opts()).toEqual({ petCount: 3, kind: "cat" });
});

test("settings that may be left out have no other names", () => {
  const some: SomeValuesOf<typeof declared> = { owner: undefined };
  // @ts-expect-error: no option has this name.
  const others: SomeValuesOf<typeof declared> = { owners: "Ada" };
  expect([some, others]).toEqual([{ owner: undefined }, { owners: "Ada" }]);
});

test("serve has the values of what it declares", () => {
  expectTypeOf<ServeSettings["maxCalls"]>().toEqualTypeOf<number>();
  expectTypeOf<ServeSettings["insecure"]>().toEqualTypeOf<boolean>();
  expectTypeOf<ServeSettings["reflection"]>().toEqualTypeOf<"open" | "credentials" | "off">();
  expectTypeOf<ServeSettings["tlsCert"]>().toEqualTypeOf<string | undefined>();
  // @ts-expect-error: no option has this name.
  expectTypeOf<ServeSettings["maxCall"]>().toEqualTypeOf<unknown>();
});

test("an option without a value has no variable", () => {
  // @ts-expect-error: a variable has nothing to set.
  declareOptions("Pets:", { tame: createOption("--tame", "only tame ones") });
});

test("an option has a variable, a heading, and a value without the spaces around it", () => {
  expect(declared.petCount.envVar).toBe("ROLLCALL_PET_COUNT");
  const command = addOptions(new Command("pets"), declared);
  expect(command.helpInformation()).toMatch(/Pets:\n +--pet-count <count>/);
  command.parse(["--owner", " Ada \n"], { from: "user" });
  expect(command.opts().owner).toBe("Ada");
});
