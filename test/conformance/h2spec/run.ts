/** h2spec against `rollcall serve`. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "../../clients/run-command.ts";
import type { Http2Layer } from "../../support/http2-layers.ts";
import { serve } from "../../support/processes.ts";
import { ada } from "../../support/server.ts";
import type { Counts } from "../counts.ts";
import { knownFailures } from "./known-failures.ts";
import { type Case, readReport } from "./report.ts";

const root = join(import.meta.dirname, "..", "..", "..");
const program = join(root, ".tools", "conformance", "h2spec");
const timeoutMs = 3 * 60_000;
/** Of h2spec 2.2.1. */
const cases = 145;
/** Of a stored user, so that answers have a body: cases of flow control need one. */
const id = "h2spec";
const identifyPath = "/rollcall.v1.UserService/Identify";
/** h2spec sends GET, and POST where it sends a body. Connect answers a GET of a method without side effects. */
const getUser = `/rollcall.v1.UserService/GetUser?connect=v1&encoding=json&message=${encodeURIComponent(JSON.stringify({ id }))}`;

/** Prints each unexpected outcome. They count as failed, and known failures do not count. */
export async function runH2spec(http2: Http2Layer): Promise<Counts> {
  const directory = mkdtempSync(join(tmpdir(), "rollcall-h2spec-"));
  // Penalties would slow h2spec down: much of what it sends is harm.
  const args = ["--http2", http2, "--trusted-proxies", "127.0.0.1"];
  const server = await serve(`sqlite:${join(directory, "users.db")}`, args);
  try {
    await storeUser(server.url);
    return check(http2, await runAgainst(new URL(server.url).port, join(directory, "report.xml")));
  } finally {
    await server.stop();
    rmSync(directory, { recursive: true });
  }
}

async function storeUser(url: string): Promise<void> {
  const answer = await fetch(`${url}${identifyPath}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ id, properties: ada }),
  });
  if (!answer.ok) throw new Error(`a user could not be stored: ${answer.status}`);
}

async function runAgainst(port: string, report: string): Promise<readonly Case[]> {
  const args = ["--host", "127.0.0.1", "--port", port, "--path", getUser, "--junit-report", report];
  // Its status is 1 if any case fails; the report says which.
  const failure = await runCommand({ program, args }, { folder: root, timeoutMs }).catch((error: unknown) => error);
  try {
    return readReport(readFileSync(report, "utf8"));
  } catch (cause) {
    throw failure instanceof Error ? failure : cause;
  }
}

function check(http2: Http2Layer, found: readonly Case[]): Counts {
  const known = knownFailures[http2];
  const names = new Set(found.map(({ name }) => name));
  const passed = found.filter(({ outcome }) => outcome === "passed");
  const unexpected = [
    ...found
      .filter(({ name, outcome }) => outcome !== "passed" && known[name] === undefined)
      .map(({ name, outcome, told }) => `${outcome}: ${name}\n${told}`),
    ...passed
      .filter(({ name }) => known[name]?.when === "always")
      .map(({ name }) => `passed, against the list: ${name}`),
    ...Object.keys(known)
      .filter((name) => !names.has(name))
      .map((name) => `h2spec has no such case: ${name}`),
    ...(found.length === cases ? [] : [`h2spec tried ${found.length} of ${cases} cases`]),
  ];
  console.log(`\nh2spec, --http2 ${http2}: ${passed.length} of ${cases} cases passed, ${unexpected.length} surprises`);
  for (const line of unexpected) console.log(line);
  return { passed: passed.length, failed: unexpected.length };
}
