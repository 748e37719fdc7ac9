import { CommanderError } from "commander";
import { CliError } from "./cli-error.ts";
import { createProgram } from "./program.ts";

/** Does what the arguments of the process ask for. */
export async function run(): Promise<void> {
  // Whoever reads the output may stop reading: `rollcall list --all | head`.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });

  try {
    const args = process.argv.slice(2);
    await (await createProgram(args)).parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CliError || error instanceof CommanderError)) throw error;
    console.error(`rollcall: ${error.message}`);
    process.exitCode = error instanceof CliError ? error.exitStatus : 1;
  }
}
