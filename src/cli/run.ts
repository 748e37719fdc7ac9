import { CommanderError } from "commander";
import { CliError } from "./cli-error.ts";
import { whenNpmEnds } from "./npm-parent.ts";
import { createProgram } from "./program.ts";

/** Does what the arguments of the process ask for. */
export async function run(): Promise<void> {
  // A terminal that is closed takes nothing any more.
  process.stderr.on("error", () => {});
  whenNpmEnds(process.env, () => process.kill(process.pid, "SIGHUP"));
  // Whoever reads the output may stop reading: `rollcall list --all | head`.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    console.error(`rollcall: cannot write to standard output: ${error.message}`);
    process.exit(1);
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
