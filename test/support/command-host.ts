/**
 * Runs commands of `rollcall` one after another in this one process, for the process that started it: to load the program takes
 * twenty times as long as most commands do. What a process of its own would print, and end with, is answered.
 */

import { run } from "../../src/cli/run.ts";
import { stopSignals } from "../../src/cli/stop-signals.ts";

export interface Asked {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** What `process.exit` throws, so that nothing follows it. */
class Exit extends Error {}

process.on("message", async ({ args, env }: Asked) => {
  process.argv.splice(2, Infinity, ...args);
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, env);
  process.exitCode = undefined;
  const ended = Promise.withResolvers<number>();
  process.exit = (code) => {
    ended.resolve(Number(code ?? process.exitCode ?? 0));
    throw new Exit();
  };
  const printed = { stdout: collect(process.stdout), stderr: collect(process.stderr) };
  run().then(
    () => ended.resolve(Number(process.exitCode ?? 0)),
    (error: unknown) => {
      if (!(error instanceof Exit)) ended.reject(error);
    },
  );
  const status = await ended.promise;
  const finished = { status, stdout: printed.stdout(), stderr: printed.stderr() };
  for (const event of [...stopSignals, "warning"]) process.removeAllListeners(event);
  process.send?.(finished);
});

/** Takes what is written from now on. */
function collect(stream: NodeJS.WriteStream): () => string {
  const pieces: Buffer[] = [];
  stream.removeAllListeners("error");
  stream.write = (piece: string | Uint8Array, ...more: unknown[]) => {
    pieces.push(Buffer.from(piece));
    for (const done of more) if (typeof done === "function") done();
    return true;
  };
  return () => Buffer.concat(pieces.splice(0)).toString("utf8");
}
