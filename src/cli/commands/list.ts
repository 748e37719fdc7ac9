import { Command, createOption } from "@commander-js/extra-typings";
import { UserSchema } from "#gen/rollcall/v1/user_pb.js";
import { ListUsersResponseSchema } from "#gen/rollcall/v1/user_service_pb.js";
import { addOptions, type ValuesOf } from "../../config/declare-options.ts";
import { clientOptions } from "../../config/options.ts";
import { parseCount } from "../arguments.ts";
import { createCaller } from "../call.ts";
import { damagedNotice, outputOptions, printMessage, terminal } from "../output.ts";
import { print, printStyled, say } from "../standard-streams.ts";

const options = {
  pageSize: createOption("--page-size <users>", "most users on a page, up to 1000; by default 100").argParser(
    parseCount,
  ),
  pageToken: createOption("--page-token <token>", "next_page_token of the previous page"),
  only: createOption("--only <names...>", "only these properties, separated by spaces"),
  all: createOption("--all", "print all pages; as JSON, one user per line"),
  ...outputOptions,
  ...clientOptions,
};
type Given = ValuesOf<typeof options>;

const help = `
A terminal shows a table. Pipes and files get JSON, and a terminal with --json. Users with damaged records are left out: a
message says how many, and the exit status is 1.

Examples:
  rollcall list --page-size 10
  rollcall list --all --only email > emails.ndjson`;

export function listCommand() {
  return addOptions(new Command("list").description("list users, by page or all of them"), options)
    .addHelpText("after", help)
    .action(list);
}

async function list(given: Given): Promise<void> {
  const call = createCaller(given);
  const readPage = (pageToken: string) => {
    const request = { pageSize: given.pageSize ?? 0, pageToken, onlyProperties: [...(given.only ?? [])] };
    return call((users, callOptions) => users.listUsers(request, callOptions));
  };
  const screen = terminal(given);
  let pageToken = given.pageToken ?? "";
  let damaged = 0;
  if (given.all !== true && screen === undefined) {
    const page = await readPage(pageToken);
    await printMessage(ListUsersResponseSchema, page);
    reportDamaged(page.damagedCount);
    return;
  }
  const table = screen && (await import("../terminal/users.ts")).userTable(screen);
  do {
    const page = await readPage(pageToken);
    if (table === undefined) {
      for (const user of page.users) await printMessage(UserSchema, user, { oneLine: true });
    } else await printStyled(...table(page.users));
    damaged += page.damagedCount;
    pageToken = page.nextPageToken;
  } while (given.all === true && pageToken !== "");
  reportDamaged(damaged);
  if (screen !== undefined && pageToken !== "") await print(`more: ${nextPage(given, pageToken)}`);
}

function reportDamaged(count: number): void {
  if (count === 0) return;
  say(damagedNotice(count));
  process.exitCode = 1;
}

/** The shell command for the next page. It leaves out how to reach the server, which may hold a token. */
function nextPage({ pageSize, only = [] }: Given, pageToken: string): string {
  const size = pageSize === undefined ? [] : ["--page-size", `${pageSize}`];
  const names = only.length === 0 ? [] : ["--only", ...only.map(quoted)];
  return ["rollcall list", ...size, ...names, "--page-token", pageToken].join(" ");
}

function quoted(word: string): string {
  return /^[\w.@%+:/-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
