#!/usr/bin/env node
import { CliError } from "./cli/cli-error.ts";
import { createProgram } from "./cli/program.ts";

try {
  await createProgram().parseAsync();
} catch (error) {
  if (!(error instanceof CliError)) throw error;
  console.error(`rollcall: ${error.message}`);
  process.exitCode = 1;
}
