/** The Connect conformance suite against both of the server's ways in for gRPC. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Http2Layer } from "../support/http2-layers.ts";
import type { Counts } from "./counts.ts";

const here = import.meta.dirname;
const root = join(here, "..", "..");
const runner = join(root, ".tools", "conformance", "connectconformance");
/** The last line of the runner's output. */
const summary = /(\d+) passed, (\d+) failed\s*$/;

/**
 * A case that failed because the runner's client gave up at the same moment as the server: it had read the head of the answer, and
 * its body no more.
 */
const race = /^FAILED: (Timeouts\/.+):\n\tconnect error JSON: unexpected end of JSON input$/gm;

/**
 * Shows what the runner prints. Where nothing but races failed, they are run once more.
 *
 * @throws Error if the runner ends without a summary, or with a status that differs from it
 */
export async function runConnectSuite(http2: Http2Layer, runnerArgs: readonly string[]): Promise<Counts> {
  console.log(`\nConnect conformance, --http2 ${http2}`);
  const first = await runCases(http2, runnerArgs);
  const { races } = first;
  if (races.length === 0 || races.length < first.failed) return first;
  console.log(`\nonce more: ${races.join(", ")}`);
  const again = await runCases(
    http2,
    races.flatMap((name) => ["--run", name]),
  );
  return { passed: first.passed + again.passed, failed: again.failed };
}

async function runCases(
  http2: Http2Layer,
  runnerArgs: readonly string[],
): Promise<Counts & { readonly races: readonly string[] }> {
  const child = spawn(
    runner,
    [
      ...["--mode", "server", "--conf", join(here, "config.yaml"), ...runnerArgs],
      ...["--", process.execPath, join(here, "server.ts"), http2],
    ],
    {
      env: { ...process.env, NODE_COMPILE_CACHE: join(root, "node_modules", ".cache", "node") },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (piece: string) => {
    output += piece;
    process.stdout.write(piece);
  });
  const [status] = await once(child, "close");
  const [, passed, failed] = summary.exec(output) ?? [];
  if (passed === undefined || failed === undefined || (status === 0) !== (failed === "0")) {
    throw new Error(`the runner ended with status ${status}, and after no summary that says so`);
  }
  const races = Array.from(output.matchAll(race), ([, name = ""]) => name);
  return { passed: Number(passed), failed: Number(failed), races };
}
