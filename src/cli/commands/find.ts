import { Command, createOption } from "@commander-js/extra-typings";
import { UserSchema } from "#gen/rollcall/v1/user_pb.js";
import { addOptions, type ValuesOf } from "../../config/declare-options.ts";
import { clientOptions } from "../../config/options.ts";
import { parseCount } from "../arguments.ts";
import { createCaller } from "../call.ts";
import { callFailure } from "../call-failure.ts";
import { CliError } from "../cli-error.ts";
import { outputOptions, printMessage, reportDamaged, terminal } from "../output.ts";
import { type Condition, parseCondition, readAs } from "../search/condition.ts";
import { textOption } from "../search/filter.ts";
import { indexAdvice, indexesAfter } from "../search/index-advice.ts";
import { canBeIndexed, matchOf } from "../search/match.ts";
import { printStyled, say } from "../standard-streams.ts";

const usualLimit = 100;
/** The most that the server gives. */
const maxPageSize = 1_000;

const options = {
  limit: createOption("--limit <users>", "most users to print").default(usualLimit).argParser(parseCount),
  all: createOption("--all", "print all users that match").conflicts("limit"),
  only: createOption("--only <names...>", "only these properties, separated by spaces; write it last"),
  text: textOption,
  ...outputOptions,
  ...clientOptions,
};
type Given = ValuesOf<typeof options>;

const help = `
NAME=VALUE finds a whole value, NAME^=TEXT its beginning, and NAME all users with an indexed value. A value is read as JSON where it
is JSON, as 7, true and "7" are, and otherwise as text. The text after ^= is never JSON. The property needs an index (rollcall
registry lists them, and rollcall indexes set adds one). rollcall list --where compares whole values without an index, and several
at once.

A terminal shows a table. Pipes and files get a line of JSON for each user, and so does a terminal with --json. The exit status is 1
if nobody is found.

Examples:
  rollcall find email=ada@example.com
  rollcall find 'email^=ada' --limit 10 --only name email
  rollcall find phone=4420712345 --text
  rollcall find email --all > with-email.ndjson`;

export function findCommand() {
  const command = new Command("find")
    .description("find users by an indexed property; exit status 1 if there are none")
    .usage("[options] <condition>")
    .argument("[condition...]", "NAME=VALUE, NAME^=TEXT or NAME");
  return addOptions(command, options).addHelpText("after", help).action(find);
}

/** @throws CliError that says more than commander would */
function onlyOne(conditions: readonly string[], { only }: Given): string {
  const [condition, ...more] = conditions;
  if (more.length > 0) throw new CliError("find takes one condition; rollcall list takes several, each after --where");
  if (condition !== undefined) return condition;
  const hint = only === undefined ? "" : ": --only takes all words behind it, so write the condition before it";
  throw new CliError(`find needs a condition, as NAME=VALUE${hint}`);
}

async function find(conditions: readonly string[], given: Given): Promise<void> {
  const condition = parseCondition(onlyOne(conditions, given), given.text === true);
  if (!canBeIndexed(condition)) {
    throw new CliError(
      "no index holds null, lists or objects; rollcall list --where compares them, and --text reads text",
    );
  }
  const match = matchOf(condition);
  const call = createCaller(given);
  const screen = terminal(given);
  const table = screen && (await import("../terminal/users.ts")).userTable(screen);
  const limit = given.all === true ? Number.POSITIVE_INFINITY : given.limit;
  const onlyProperties = [...(given.only ?? [])];
  let found = 0;
  let damaged = 0;
  let pageToken = "";
  do {
    const request = { match, pageSize: Math.min(limit - found, maxPageSize), pageToken, onlyProperties };
    const page = await call((users, callOptions) =>
      users.findUsers(request, callOptions).catch(async (error: unknown) => {
        const indexes = await indexesAfter(error, users, callOptions);
        throw callFailure(error, given.server, indexAdvice("find", error, condition, indexes));
      }),
    );
    if (table === undefined) {
      for (const user of page.users) await printMessage(UserSchema, user, { oneLine: true });
    } else if (page.users.length > 0) await printStyled(...table(page.users));
    found += page.users.length;
    damaged += page.damagedCount;
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && found < limit);
  reportDamaged(damaged);
  if (found === 0) throw new CliError(nobody(condition));
  if (pageToken !== "") say("there may be more users: --limit or --all prints them");
}

function nobody(condition: Condition): string {
  const { is, property } = condition;
  if (is === "present") return `no user has an indexed value in ${property}`;
  if (is === "starts-with") return `no user has a value in ${property} that begins so`;
  const hint = readAs("it", condition.value);
  return `no user has this value in ${property}${hint === undefined ? "" : `; ${hint}`}`;
}
