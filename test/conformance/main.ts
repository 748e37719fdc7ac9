/**
 * The Connect conformance suite against the server's own listener and both of its ways in for gRPC: `npm run
 * test:conformance`. Fails if a case complains of anything that `known-differences.ts` does not name, and if a difference
 * that it names is not there any more. What follows `--` goes to the runner, as `-- --trace`.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { type KnownDifference, knownDifferences } from "./known-differences.ts";

const here = import.meta.dirname;
const root = join(here, "..", "..");
const runner = join(root, ".tools", "conformance", "connectconformance");
const options = process.argv.slice(2);

const child = spawn(
  runner,
  [
    ...["--mode", "server", "--conf", join(here, "config.yaml"), ...options],
    ...["--", process.execPath, join(here, "server.ts")],
  ],
  {
    env: { ...process.env, NODE_COMPILE_CACHE: join(root, "node_modules", ".cache", "node") },
    stdio: ["ignore", "pipe", "inherit"],
  },
);
let output = "";
child.stdout.setEncoding("utf8").on("data", (piece) => {
  output += piece;
});
const [status] = await once(child, "close");

const total = Number(/^Total cases: (\d+)$/m.exec(output)?.[1]);
const failures = failuresIn(output);
if (!(total > 0) || failures.length !== Number(/^\d+ passed, (\d+) failed$/m.exec(output)?.[1])) {
  console.error(`${output}\nthat cannot be read (exit status ${status})`);
  process.exit(1);
}
const met = new Map(knownDifferences.map((difference) => [difference, 0]));
let failed = 0;
for (const { name, complaints, text } of failures) {
  const known = knownDifferences.find((difference) => explains(difference, name, complaints));
  if (known === undefined) {
    failed++;
    console.log(text);
  } else met.set(known, (met.get(known) ?? 0) + 1);
}
let differing = 0;
let gone = 0;
for (const [{ why }, cases] of met) {
  differing += cases;
  console.log(`${cases} cases differ as known: ${why}.`);
  // A part of the cases may have none.
  if (cases > 0 || options.length > 0) continue;
  gone++;
  console.log("FAILED: that is not so any more");
}
console.log(`\n${total - differing - failed} passed, ${differing} differ as known, ${failed} failed`);
process.exitCode = failed + gone === 0 ? 0 : 1;

interface Failure {
  readonly name: string;
  readonly complaints: readonly string[];
  readonly text: string;
}

/** What the runner prints: each case's name, and under it, indented, all that it complains of. */
function failuresIn(text: string): Failure[] {
  return Array.from(text.matchAll(/^FAILED: (.+):\n((?:[\t ].*\n)+)/gm), ([block, name = "", complaints = ""]) => ({
    name,
    complaints: complaints
      .split("\n")
      .map((line) => line.replaceAll("\u00a0", " ").replace(/^\s+(; )?/, ""))
      .filter((line) => line !== ""),
    text: block,
  }));
}

function explains(
  { cases, complaint, besides }: KnownDifference,
  name: string,
  complaints: readonly string[],
): boolean {
  if (!cases.test(name) || !complaints.includes(complaint)) return false;
  return complaints.every((one) => one === complaint || besides.includes(one));
}
