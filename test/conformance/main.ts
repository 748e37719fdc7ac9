/**
 * The Connect conformance suite and h2spec against the server's own listener, once for each HTTP/2 that serves: `npm run
 * test:conformance`. `--http2 own` or `--http2 node` chooses one. What follows a second `--` goes to the runner of the Connect
 * suite, as `-- -- --trace`, and leaves h2spec out. Fails if a case fails that is not a known failure.
 */
import { parseArgs } from "node:util";
import { http2Layers, readHttp2Layers } from "../support/http2-layers.ts";
import { messageOf } from "../support/message-of.ts";
import { runConnectSuite } from "./connect-suite.ts";
import type { Counts } from "./counts.ts";
import { runH2spec } from "./h2spec/run.ts";

try {
  const { values, positionals } = parseArgs({
    options: { http2: { type: "string", default: http2Layers.join(",") } },
    allowPositionals: true,
  });
  const layers = readHttp2Layers(values.http2);
  const all: Counts[] = [];
  for (const layer of layers) all.push(await runConnectSuite(layer, positionals));
  if (positionals.length === 0) all.push(...(await Promise.all(layers.map(runH2spec))));
  const passed = all.reduce((sum, counts) => sum + counts.passed, 0);
  const failed = all.reduce((sum, counts) => sum + counts.failed, 0);
  console.log(`\n${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 2;
}
