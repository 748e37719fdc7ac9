import { toJson } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import { Command, createOption } from "@commander-js/extra-typings";
import { UserSchema } from "#gen/rollcall/v1/user_pb.js";
import { ListUsersResponseSchema, ScanUsersResponseSchema } from "#gen/rollcall/v1/user_service_pb.js";
import { addOptions, type ValuesOf } from "../../config/declare-options.ts";
import { clientOptions } from "../../config/options.ts";
import { parseCount } from "../arguments.ts";
import { createCaller } from "../call.ts";
import { CliError } from "../cli-error.ts";
import { outputOptions, printMessage, reportDamaged, terminal } from "../output.ts";
import { filterOf, filterOptions, hintsOf, type UserFilter } from "../search/filter.ts";
import { readPage, scanPage } from "../search/read-page.ts";
import { shellWord } from "../shell-words.ts";
import { print, printStyled } from "../standard-streams.ts";

const options = {
  pageSize: createOption("--page-size <users>", "most users on a page, up to 1000; by default 100").argParser(
    parseCount,
  ),
  pageToken: createOption("--page-token <token>", "next_page_token of the previous page"),
  only: createOption("--only <names...>", "only these properties, separated by spaces"),
  all: createOption("--all", "print all pages; as JSON, one user per line"),
  ...outputOptions,
  ...filterOptions,
  ...clientOptions,
};
type Given = ValuesOf<typeof options>;

const help = `
A terminal shows a table. Pipes and files get JSON, and a terminal with --json. Users with damaged records are left out: a
message says how many, and the exit status is 1.

A filter reads all users: rollcall find is faster where a property is indexed. --where compares whole values. With several
conditions, users meet all of them. The exit status is 1 if there is no such user.

Examples:
  rollcall list --page-size 10
  rollcall list --all --only email > emails.ndjson
  rollcall list --where plan=pro --updated-after 2026-11-01
  rollcall list --all --where logins=0 --where 'address={"city":"London"}'`;

export function listCommand() {
  return addOptions(new Command("list").description("list users, by page or all of them"), options)
    .addHelpText("after", help)
    .action(list);
}

async function list(given: Given): Promise<void> {
  const filter = filterOf(given);
  const { users, damaged } = given.all === true ? await printAll(given, filter) : await printPage(given, filter);
  reportDamaged(damaged);
  if (filter !== undefined && users === 0 && given.pageToken === undefined) {
    throw new CliError(["there is no such user", ...hintsOf(given)].join("; "));
  }
}

interface Printed {
  readonly users: number;
  /** How many were left out because their records are damaged. */
  readonly damaged: number;
}

async function printPage(given: Given, filter: UserFilter | undefined): Promise<Printed> {
  const call = createCaller(given);
  const { pageSize = 0, pageToken = "", only = [] } = given;
  const request = { pageSize, pageToken, onlyProperties: [...only] };
  const screen = terminal(given);
  const page = filter === undefined ? await readPage(call, filter, request) : await scanPage(call, filter, request);
  if (screen === undefined) {
    if (page.$typeName === ListUsersResponseSchema.typeName) await printMessage(ListUsersResponseSchema, page);
    else await printMessage(ScanUsersResponseSchema, page);
  } else {
    const { userTable } = await import("../terminal/users.ts");
    if (filter === undefined || page.users.length > 0) await printStyled(...userTable(screen)(page.users));
    if (page.nextPageToken !== "") await print(`more: ${nextPage(given, page.nextPageToken)}`);
  }
  return { users: page.users.length, damaged: page.damagedCount };
}

async function printAll(given: Given, filter: UserFilter | undefined): Promise<Printed> {
  const call = createCaller(given);
  const { pageSize = 0, only = [] } = given;
  const screen = terminal(given);
  const table = screen && (await import("../terminal/users.ts")).userTable(screen);
  let { pageToken = "" } = given;
  let users = 0;
  let damaged = 0;
  do {
    const page = await readPage(call, filter, { pageSize, pageToken, onlyProperties: [...only] });
    if (table === undefined) {
      for (const user of page.users) await printMessage(UserSchema, user, { oneLine: true });
    } else if (page.users.length > 0) await printStyled(...table(page.users));
    users += page.users.length;
    damaged += page.damagedCount;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return { users, damaged };
}

/** The shell command for the next page. It leaves out how to reach the server, which may hold a token. */
function nextPage(given: Given, pageToken: string): string {
  const { pageSize, only = [], where = [], text = false, updatedAfter, createdAfter } = given;
  const words = [
    ...(pageSize === undefined ? [] : ["--page-size", `${pageSize}`]),
    ...(only.length === 0 ? [] : ["--only", ...only]),
    ...where.flatMap((condition) => ["--where", condition]),
    ...(text ? ["--text"] : []),
    ...(updatedAfter === undefined ? [] : ["--updated-after", toJson(TimestampSchema, updatedAfter)]),
    ...(createdAfter === undefined ? [] : ["--created-after", toJson(TimestampSchema, createdAfter)]),
    ...["--page-token", pageToken],
  ];
  return ["rollcall list", ...words.map(shellWord)].join(" ");
}
