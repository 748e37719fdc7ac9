import { Command } from "@commander-js/extra-typings";
import { rollcallErrorOf } from "../../client/index.ts";
import { addOptions, type ValuesOf } from "../../config/declare-options.ts";
import { clientOptions } from "../../config/options.ts";
import { type Caller, createCaller } from "../call.ts";
import { reportDamaged } from "../output.ts";
import { type Condition, parseCondition } from "../search/condition.ts";
import { textOption } from "../search/filter.ts";
import { canBeIndexed, matchOf } from "../search/match.ts";
import { scanNotice } from "../search/scan-notice.ts";
import { print, say } from "../standard-streams.ts";

/** The most that the server gives. */
const maxPageSize = 1_000;

const options = { text: textOption, ...clientOptions };

const help = `
Prints a number. Conditions are those of rollcall find. Where the property of NAME=VALUE has no index, the command reads all users
and compares whole values. It says so, and how long that may take.

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

async function count(argument: string | undefined, given: ValuesOf<typeof options>): Promise<void> {
  const condition = argument === undefined ? undefined : parseCondition(argument, given.text === true);
  const call = createCaller(given);
  const counted = await countByIndex(call, condition);
  if (counted !== undefined) await print(String(counted));
  else if (condition?.is === "equals") await print(String(await countByScan(call, condition)));
}

/** @returns undefined if only a scan can count them. @throws CliError if the call fails */
function countByIndex(call: Caller, condition: Condition | undefined): Promise<bigint | undefined> {
  if (condition === undefined) return call(async (users, options) => (await users.countUsers({}, options)).count);
  if (!canBeIndexed(condition)) return Promise.resolve(undefined);
  const match = matchOf(condition);
  return call(async (users, options) => {
    try {
      return (await users.countUsers({ match }, options)).count;
    } catch (error) {
      if (condition.is === "equals" && rollcallErrorOf(error).reason === "PROPERTY_NOT_INDEXED") return undefined;
      throw error;
    }
  });
}

async function countByScan(call: Caller, condition: Extract<Condition, { is: "equals" }>): Promise<number> {
  const { property, value } = condition;
  const where = { properties: Object.fromEntries([[property, value]]) };
  const all = await call(async (users, options) => (await users.countUsers({}, options)).count);
  const read = (pageToken: string) =>
    call((users, options) =>
      users.scanUsers({ where, pageSize: maxPageSize, pageToken, onlyProperties: [property] }, options),
    );
  const startedAt = performance.now();
  let page = await read("");
  const why = canBeIndexed(condition) ? `${property} has no index` : "no index holds such values";
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
