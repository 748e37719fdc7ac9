import { Command } from "commander";
import { backupCommand } from "./backup.ts";
import { deleteCommand } from "./delete.ts";
import { getCommand } from "./get.ts";
import { healthCommand } from "./health.ts";
import { identifyCommand } from "./identify.ts";
import { importCommand } from "./import.ts";
import { listCommand } from "./list.ts";
import { serveCommand } from "./serve.ts";
import { setPreferencesCommand } from "./set-preferences.ts";
import { tokenCommand } from "./token.ts";
import { version } from "./version.ts";

/** The command line `rollcall`. */
export function createProgram(): Command {
  const program = new Command("rollcall")
    .description("A user registry for services: identify people, merge what you know, read the whole user back.")
    .version(version())
    .showHelpAfterError("(--help shows what is expected)");
  const commands = [
    serveCommand(),
    identifyCommand(),
    getCommand(),
    listCommand(),
    setPreferencesCommand(),
    deleteCommand(),
    importCommand(),
    healthCommand(),
    tokenCommand(),
    backupCommand(),
  ];
  for (const command of commands) program.addCommand(command.copyInheritedSettings(program));
  return program;
}
