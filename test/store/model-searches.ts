/** Compares FindUsers and CountUsers with the model. */
import type { JsonValue } from "@bufbuild/protobuf";
import { expect } from "vitest";
import type { UserView } from "../../src/users/reading.ts";
import type { UserRegistry } from "../../src/users/registry.ts";
import type { MatchInput } from "../../src/users/search/match.ts";
import { textsLike } from "../support/folded-texts.ts";
import type { createModel } from "../support/model.ts";
import type { ModelFound, ModelMatch } from "../support/model-searches.ts";
import { valueBytes } from "../support/struct.ts";
import { type Answers, failing } from "./model-answers.ts";
import type { Search } from "./model-commands.ts";

type Model = ReturnType<typeof createModel>;

/** Looks for one value or beginning, and counts; counts all users; and reads or counts those with a value in each index. */
export async function compareSearches(
  registry: UserRegistry,
  model: Model,
  answers: Answers,
  { property, condition, pageSize, isRead }: Search,
): Promise<void> {
  const match: ModelMatch = { property, condition: conditionOf(model, property, condition) };
  const [count, found] = await Promise.all([
    registry.count({}),
    compareFound(registry, model, match, pageSize),
    compareCounted(registry, model, match),
    ...model.indexed().map((each) => compareIndex(registry, model, each, isRead)),
  ]);
  expect(count).toBe(model.users.size);
  answers.compareStored(found, model.users);
}

/** Reads or counts all users with a value by one search: an entry too many makes a full page short, or be followed by another. */
async function compareIndex(registry: UserRegistry, model: Model, property: string, isRead: boolean): Promise<void> {
  const match: ModelMatch = { property, condition: { present: true } };
  const expected = model.find(match);
  const users = "ids" in expected ? expected.ids.length : undefined;
  if (users === 0 || !isRead) await compareCounted(registry, model, match);
  else await compareFound(registry, model, match, users ?? 1);
}

async function compareFound(
  registry: UserRegistry,
  model: Model,
  match: ModelMatch,
  pageSize: number,
): Promise<UserView[]> {
  const expected = model.find(match);
  const found = await failing(find(registry, inputOf(match), pageSize, "ids" in expected ? expected.ids.length : 0));
  expect({ match, found: foundOf(found) }).toEqual({ match, found: expected });
  return "refused" in found ? [] : found;
}

async function compareCounted(registry: UserRegistry, model: Model, match: ModelMatch): Promise<void> {
  const expected = model.find(match);
  const count = await failing(registry.count({ match: inputOf(match) }));
  expect({ match, count }).toEqual({ match, count: "refused" in expected ? expected : expected.ids.length });
}

/** What was drawn, or what a user has; a user who has nothing is looked for by `null`, which is refused. */
function conditionOf({ users }: Model, property: string, condition: Search["condition"]): ModelMatch["condition"] {
  if ("present" in condition || "equals" in condition || "startsWith" in condition) return condition;
  const { properties = {} } = users.get("equalsOf" in condition ? condition.equalsOf : condition.startsWithOf) ?? {};
  const value = Object.hasOwn(properties, property) ? (properties[property] ?? null) : null;
  const alike = valuesLike(value);
  const sought = alike[condition.as % alike.length] ?? value;
  return "startsWithOf" in condition && typeof sought === "string" ? { startsWith: sought } : { equals: sought };
}

const mistakable: readonly (readonly JsonValue[])[] = [
  [0, -0, false, ""],
  [1, true, "1", "true"],
];

/** The value itself, those that are equal to it in some index, and those that must not be. */
function valuesLike(value: JsonValue): readonly JsonValue[] {
  const others = mistakable.find((group) => group.includes(value)) ?? [value];
  return typeof value === "string" ? [...new Set([...textsLike(value), ...others])] : others;
}

function inputOf({ property, condition }: ModelMatch): MatchInput {
  return {
    property: Buffer.from(property),
    equals: "equals" in condition ? [Buffer.from(valueBytes(condition.equals), "hex")] : [],
    startsWith: "startsWith" in condition ? Buffer.from(condition.startsWith) : undefined,
    present: "present" in condition ? condition.present : undefined,
  };
}

/** Page by page: every page but the last is full, if all `total` entries are right. */
async function find(registry: UserRegistry, match: MatchInput, pageSize: number, total: number): Promise<UserView[]> {
  const found: UserView[] = [];
  let pageToken = "";
  do {
    const page = await registry.find({ match, pageSize, pageToken, onlyProperties: [] }, () => 0);
    found.push(...page.users);
    pageToken = page.nextPageToken;
    expect(pageToken !== "", "there is another page").toBe(found.length < total);
  } while (pageToken !== "");
  return found;
}

function foundOf(found: readonly UserView[] | { readonly refused: string }): ModelFound {
  return "refused" in found ? found : { ids: found.map(({ id }) => id) };
}
