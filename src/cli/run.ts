import { CommanderError } from "@commander-js/extra-typings";
import { CliError } from "./cli-error.ts";
import { whenNpmEnds } from "./npm-parent.ts";
import { createProgram, failureStatus } from "./program.ts";
import { say } from "./standard-streams.ts";

/** Runs the command that the arguments of the process name. */
export async function run(): Promise<void> {
  // A closed terminal takes no output.
  process.stderr.on("error", () => {});
  whenNpmEnds(process.env, () => process.kill(process.pid, "SIGHUP"));
  // The reader of the output may stop: `rollcall list --all | head`.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    say(`rollcall: cannot write to standard output: ${error.message}`);
    process.exit(1);
  });

  const args = process.argv.slice(2);
  try {
    await (await createProgram(args)).parseAsync(args, { from: "user" });
  } catch (error) {
    if (error instanceof CliError) {
      say(`rollcall: ${error.message}`, ...error.details);
      process.exitCode = error.exitStatus;
    } else if (error instanceof CommanderError) {
      say(`rollcall: ${error.message}`);
      process.exitCode = failureStatus(args[0]);
    } else {
      // A bug.
      say(...(error instanceof Error ? (error.stack ?? error.message) : String(error)).split("\n"));
      process.exit(failureStatus(args[0]));
    }
  }
}
