/**
 * Runs a scenario file against a server over gRPC, with the contract's generated code for TypeScript:
 * `node test/scenarios/run.ts SERVER_URL SCENARIO_FILE [RUN]`. README.md beside this file says what it prints.
 */
import { randomBytes } from "node:crypto";
import { createTransport } from "../../src/client/transport.ts";
import { play } from "./play.ts";
import { readSteps } from "./scenario-file.ts";

const usage = "Usage: node test/scenarios/run.ts SERVER_URL SCENARIO_FILE [RUN]";

try {
  const [server, file, run = randomBytes(6).toString("hex"), ...more] = process.argv.slice(2);
  if (server === undefined || file === undefined || more.length > 0) throw new Error(usage);
  if (!/^https?:$/.test(URL.parse(server)?.protocol ?? ""))
    throw new Error(`${server} is no URL of a server\n${usage}`);
  const steps = readSteps(file);
  for await (const result of play(steps, { transport: createTransport({ server }), run })) {
    console.log(JSON.stringify(result));
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
