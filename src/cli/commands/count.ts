import { Command } from "@commander-js/extra-typings";
import { rollcallErrorOf } from "../../client/index.ts";
import { addOptions, type ValuesOf } from "../../config/declare-options.ts";
import { clientOptions } from "../../config/options.ts";
import { type Caller, createCaller } from "../call.ts";
import { callFailure } from "../call-failure.ts";
import { reportDamaged } from "../output.ts";
import { type Condition, type Equals, parseCondition, readAs } from "../search/condition.ts";
import { textOption } from "../search/filter.ts";
import { type Indexes, indexAdvice, indexesAfter, scansAsIndexed } from "../search/index-advice.ts";
import { canBeIndexed, matchOf } from "../search/match.ts";
import { scanNotice } from "../search/scan-notice.ts";
import { print, say } from "../standard-streams.ts";

/** The most that the server gives. */
const maxPageSize = 1_000;

const options = { text: textOption, ...clientOptions };

type Given = ValuesOf<typeof options>;

const help = `
Prints a number. If it is 0, the exit status is 0 too. Conditions are those of rollcall find. Where no index can answer NAME=VALUE,
the command reads all users and compares whole values. It says so, and how long that may take. Reading all users does not ignore
case: while a server builds an index that does, the count of a text fails.

Examples:
  rollcall count
  rollcall count plan=pro
  rollcall count 'email^=ada'`;

export function countCommand() {
  const command = new Command("count")
    .description("count all users, or those with a value in a property")
    .argument("[condition]", "NAME=VALUE, NAME^=TEXT or NAME");
  return addOptions(command, options).addHelpText("after", help).action(count);
}

async function count(argument: string | undefined, given: Given): Promise<void> {
  const call = createCaller(given);
  if (argument === undefined) {
    await print(`${await countAll(call)}`);
    return;
  }
  const condition = parseCondition(argument, given.text === true);
  const counted = await countMatches(call, condition, given.server);
  await print(`${counted}`);
  const hint = condition.is === "equals" && Number(counted) === 0 ? readAs("the value", condition.value) : undefined;
  if (hint !== undefined) say(hint);
}

function countAll(call: Caller): Promise<bigint> {
  return call(async (users, options) => (await users.countUsers({}, options)).count);
}

const notHeld = "no index holds such values";

/** @throws CliError if a call fails */
async function countMatches(call: Caller, condition: Condition, server: string): Promise<bigint | number> {
  if (condition.is === "equals" && !canBeIndexed(condition)) return countByScan(call, { condition, why: notHeld });
  const counted = await countByIndex(call, condition, server);
  return typeof counted === "bigint" ? counted : countByScan(call, counted);
}

/** What only a scan can count. */
interface Scan {
  readonly condition: Equals;
  /** Why no index can. */
  readonly why: string;
}

function countByIndex(call: Caller, condition: Condition, server: string): Promise<bigint | Scan> {
  const match = matchOf(condition);
  return call(async (users, options) => {
    try {
      return (await users.countUsers({ match }, options)).count;
    } catch (error) {
      const indexes = await indexesAfter(error, users, options);
      const why = whyNoIndex(error, condition, indexes);
      if (condition.is === "equals" && why !== undefined) return { condition, why };
      throw callFailure(error, server, indexAdvice("count", error, condition, indexes));
    }
  });
}

/** @returns undefined if a scan would not count the same users, or the failure is another */
function whyNoIndex(error: unknown, condition: Condition, indexes: Indexes): string | undefined {
  switch (rollcallErrorOf(error).reason) {
    case "PROPERTY_NOT_INDEXED":
      return `${condition.property} has no index`;
    case "INDEX_NOT_READY":
      return scansAsIndexed(condition, indexes) ? `the index of ${condition.property} is being built` : undefined;
    case "INVALID_MATCH":
      return notHeld;
    default:
      return undefined;
  }
}

async function countByScan(call: Caller, { condition, why }: Scan): Promise<number> {
  const { property, value } = condition;
  const where = { properties: Object.fromEntries([[property, value]]) };
  const all = await countAll(call);
  const read = (pageToken: string) =>
    call((users, options) =>
      users.scanUsers({ where, pageSize: maxPageSize, pageToken, onlyProperties: [property] }, options),
    );
  const startedAt = performance.now();
  let page = await read("");
  const ms = performance.now() - startedAt;
  say(`${why}: ${scanNotice({ all: Number(all), lookedAt: Number(page.lookedAt), ms })}`);
  let counted = page.users.length;
  let damaged = page.damagedCount;
  while (page.nextPageToken !== "") {
    page = await read(page.nextPageToken);
    counted += page.users.length;
    damaged += page.damagedCount;
  }
  reportDamaged(damaged);
  return counted;
}
