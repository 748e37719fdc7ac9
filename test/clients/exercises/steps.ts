/** The steps of an exercise, for clients that this process calls or starts. Programs in other languages take the same steps. */
import assert from "node:assert/strict";
import type { StepResult } from "../../scenarios/play.ts";
import { messageOf } from "../../support/message-of.ts";
import { ada } from "../../support/server.ts";

export interface Person {
  readonly id: string;
  readonly properties: Readonly<Record<string, string>>;
}

/** What every client can do. Calls that fail reject. */
export interface UsersClient {
  /** @returns whether the user is new */
  identify(person: Person): Promise<boolean>;
  /** @returns the properties */
  get(id: string): Promise<unknown>;
  /** @returns the ids of users whose indexed property is this text */
  find(property: string, text: string): Promise<readonly string[]>;
  /** How many there are. */
  count(property: string, text: string): Promise<number>;
  /** @returns the ids of users that have all these properties */
  scan(properties: Person["properties"]): Promise<readonly string[]>;
  /** The reason of a rejected call, from its ErrorInfo. */
  reasonOf(error: unknown): string | undefined;
  /**
   * BatchIdentify, with a message for each item.
   *
   * @returns how many users each answer says are new
   */
  batch(messages: readonly (readonly Person[])[]): Promise<readonly number[]>;
  /** Makes as many calls at once, on one connection. Not there if the client cannot. */
  getAtOnce?(id: string, times: number): Promise<readonly unknown[]>;
}

export const stepNames = ["identify", "get", "search", "error", "refusals", "large", "batch", "crowd"] as const;
type StepName = (typeof stepNames)[number];

const atOnce = 100;
const messages = 30;
const perMessage = 100;
/** A value has at most 64 KiB. */
const largeValue = "x".repeat(60_000);

const steps: Readonly<Record<StepName, (users: UsersClient) => Promise<void>>> = {
  async identify(users) {
    assert.equal(await users.identify({ id: "u", properties: ada }), true);
  },
  async get(users) {
    assert.deepEqual(await users.get("u"), ada);
  },
  async search(users) {
    assert.deepEqual(await users.find("email", ada.email.toUpperCase()), ["u"]);
    assert.equal(await users.count("email", ada.email.toUpperCase()), 1);
    assert.deepEqual(await users.scan(ada), ["u"]);
  },
  async error(users) {
    await assertRefused(users, users.get("nobody"), "USER_NOT_FOUND");
  },
  async refusals(users) {
    await assertRefused(users, users.find("phone", "555 0100"), "PROPERTY_NOT_INDEXED");
    await assertRefused(users, users.count("email", "x".repeat(257)), "INVALID_MATCH");
  },
  async large(users) {
    const properties = { ...ada, a: largeValue, b: largeValue, c: largeValue, d: largeValue };
    await users.identify({ id: "large", properties });
    assert.deepEqual(await users.get("large"), properties);
  },
  async batch(users) {
    const people = Array.from({ length: messages }, (_, at) =>
      Array.from({ length: perMessage }, (_, item) => ({ id: `batch-${at}-${item}`, properties: ada })),
    );
    assert.deepEqual(await users.batch(people), Array(messages).fill(perMessage));
  },
  async crowd(users) {
    assert.deepEqual(await users.getAtOnce?.("u", atOnce), Array(atOnce).fill(ada));
  },
};

async function assertRefused(users: UsersClient, call: Promise<unknown>, reason: string): Promise<void> {
  const failure: unknown = await call.then(
    () => undefined,
    (error) => error,
  );
  assert.equal(users.reasonOf(failure), reason, messageOf(failure));
}

/** @returns a result for each step that the client can take, in order */
export async function takeSteps(users: UsersClient): Promise<readonly StepResult[]> {
  const results: StepResult[] = [];
  for (const step of stepsOf(users)) {
    const why = await steps[step](users).then(() => undefined, messageOf);
    results.push(why === undefined ? { step, ok: true } : { step, ok: false, why });
  }
  return results;
}

function stepsOf({ getAtOnce }: UsersClient): readonly StepName[] {
  return stepNames.filter((step) => step !== "crowd" || getAtOnce !== undefined);
}
