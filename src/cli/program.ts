import cluster from "node:cluster";
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { Command as UntypedCommand } from "commander";
import { dropEmptyVariables } from "../config/declare-options.ts";
import { unknownVariables } from "../config/options.ts";
import { version } from "../config/version.ts";
import { printText, say } from "./standard-streams.ts";

/** Each is loaded only if used, because commands share little. */
const commands = {
  serve: async () => (await import("./serve/command.ts")).serveCommand(),
  identify: async () => (await import("./commands/identify.ts")).identifyCommand(),
  get: async () => (await import("./commands/get.ts")).getCommand(),
  list: async () => (await import("./commands/list.ts")).listCommand(),
  find: async () => (await import("./commands/find.ts")).findCommand(),
  count: async () => (await import("./commands/count.ts")).countCommand(),
  "set-preferences": async () => (await import("./commands/set-preferences.ts")).setPreferencesCommand(),
  delete: async () => (await import("./commands/delete.ts")).deleteCommand(),
  import: async () => (await import("./import/command.ts")).importCommand(),
  export: async () => (await import("./export/command.ts")).exportCommand(),
  registry: async () => (await import("./commands/registry.ts")).registryCommand(),
  health: async () => (await import("./commands/health.ts")).healthCommand(),
  token: async () => (await import("./commands/token.ts")).tokenCommand(),
  backup: async () => (await import("./commands/backup.ts")).backupCommand(),
  verify: async () => (await import("./commands/verify.ts")).verifyCommand(),
  config: async () => (await import("./commands/config.ts")).configCommand(),
  indexes: async () => (await import("./commands/indexes.ts")).indexesCommand(),
} satisfies Readonly<Record<string, () => Promise<CommandUnknownOpts>>>;

/** The exit status of a command that could not do its work, for instance because of wrong arguments. */
export function failureStatus(command: string | undefined): number {
  return command === "verify" ? 2 : 1;
}

/**
 * The command line `rollcall`.
 *
 * @param args the arguments to parse; if they begin with the name of a command, only that one is loaded
 */
export async function createProgram([first]: readonly string[]): Promise<Command> {
  const program = new Command("rollcall")
    .description("A user registry for services: identify people, merge what you know, read the whole user back.")
    .version(version())
    .configureOutput({
      writeOut: (text) => printText(process.stdout, text),
      writeErr: (text) => printText(process.stderr, text),
    })
    .showHelpAfterError("(--help shows what is expected)");
  program.hook("preSubcommand", () => {
    if (!cluster.isPrimary) return;
    for (const name of unknownVariables(process.env)) say(`rollcall: no option has the variable ${name}`);
  });
  program.addHelpText(
    "after",
    `
"rollcall COMMAND --help" shows a command's options, with examples.

Examples:
  rollcall serve
  rollcall identify u1 --properties '{"name":"Ada","email":"ada@example.com"}'
  rollcall get u1
  rollcall import users.ndjson.gz`,
  );
  const named = Object.entries(commands).filter(([name]) => name === first);
  for (const [name, load] of named.length > 0 ? named : Object.entries(commands)) {
    const command = await load();
    settle(command, program, failureStatus(name));
    program.addCommand(command);
  }
  // There is one class. tab wants it with the types that commander itself gives it.
  if (named.length === 0 && program instanceof UntypedCommand) {
    const { default: addCompletion } = await import("@bomb.sh/tab/commander");
    addCompletion(program, { completionCommandName: "completion" });
    const completion = program.commands.find((command) => command.name() === "completion");
    completion?.description("print a script for your shell that completes commands and options").addHelpText(
      "after",
      `
Examples:
  source <(rollcall completion bash)
  rollcall completion fish > ~/.config/fish/completions/rollcall.fish`,
    );
  }
  return program;
}

/** Gives a command, and those below it, the settings of the program. */
function settle(command: CommandUnknownOpts, parent: CommandUnknownOpts, status: number): void {
  command.copyInheritedSettings(parent);
  // The message has been printed.
  command.exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : status));
  parent.hook("preSubcommand", (_, chosen) => {
    if (chosen === command) dropEmptyVariables(command.options, process.env);
  });
  for (const each of command.commands) settle(each, command, status);
}
