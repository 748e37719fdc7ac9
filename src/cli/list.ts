import { Command, Option } from "commander";
import { UserSchema } from "#gen/rollcall/v1/user_pb.js";
import { ListUsersResponseSchema } from "#gen/rollcall/v1/user_service_pb.js";
import { parseCount } from "./arguments.ts";
import { addServerOptions, createCaller, type ServerOptions } from "./call.ts";
import { addJsonOption, damagedNotice, type OutputOptions, printMessage, terminal } from "./output.ts";
import { print, printStyled, say } from "./standard-streams.ts";

interface Options extends ServerOptions, OutputOptions {
  readonly pageSize?: number;
  readonly pageToken?: string;
  readonly only?: readonly string[];
  readonly all?: boolean;
}

export function listCommand(): Command {
  const command = new Command("list")
    .description("print a page of the list of all users, or the whole list")
    .addOption(
      new Option("--page-size <users>", "the most users on a page, up to 1000; by default 100").argParser(parseCount),
    )
    .option("--page-token <token>", "the next_page_token of the page before")
    .option("--only <names...>", "only these properties, separated by spaces")
    .option("--all", "follow the pages to the last one; in JSON, one user a line")
    .action(list);
  return addServerOptions(addJsonOption(command)).addHelpText(
    "after",
    `
On a terminal, users are printed as a table. Elsewhere, and with --json, as JSON. Users whose records are damaged are left out;
a message says how many, and the exit status is 1.

Examples:
  rollcall list --page-size 10
  rollcall list --all --only email > emails.ndjson`,
  );
}

async function list(options: Options): Promise<void> {
  const call = createCaller(options);
  const readPage = (pageToken: string) => {
    const request = { pageSize: options.pageSize ?? 0, pageToken, onlyProperties: [...(options.only ?? [])] };
    return call((users, callOptions) => users.listUsers(request, callOptions));
  };
  const screen = terminal(options);
  let pageToken = options.pageToken ?? "";
  let damaged = 0;
  if (options.all !== true && screen === undefined) {
    const page = await readPage(pageToken);
    await printMessage(ListUsersResponseSchema, page);
    tellOfDamaged(page.damagedCount);
    return;
  }
  const table = screen && (await import("./terminal/users.ts")).userTable(screen);
  do {
    const page = await readPage(pageToken);
    if (table === undefined) {
      for (const user of page.users) await printMessage(UserSchema, user, { oneLine: true });
    } else await printStyled(...table(page.users));
    damaged += page.damagedCount;
    pageToken = page.nextPageToken;
  } while (options.all === true && pageToken !== "");
  tellOfDamaged(damaged);
  if (screen !== undefined && pageToken !== "") await print(`more: ${nextPage(options, pageToken)}`);
}

/** The list is not whole where users are left out of it. */
function tellOfDamaged(count: number): void {
  if (count === 0) return;
  say(damagedNotice(count));
  process.exitCode = 1;
}

/** The command for the page after, as a shell takes it. How to reach the server is left to the environment or the reader. */
function nextPage({ pageSize, only = [] }: Options, pageToken: string): string {
  const size = pageSize === undefined ? [] : ["--page-size", `${pageSize}`];
  const names = only.length === 0 ? [] : ["--only", ...only.map(quoted)];
  return ["rollcall list", ...size, ...names, "--page-token", pageToken].join(" ");
}

function quoted(word: string): string {
  return /^[\w.@%+:/-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
