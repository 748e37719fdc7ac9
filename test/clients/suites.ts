/** Suites that test the server from outside. Each is also a command of its own. */
import { messageOf } from "../support/message-of.ts";
import { root } from "./languages.ts";
import type { Choices } from "./leaving-out.ts";
import { runCommand } from "./run-command.ts";

const timeoutMs = 20 * 60_000;
/** The last line of the output. */
const summary = /(?:^|\n)([1-9]\d*) passed, 0 failed\n$/;

export interface Suite {
  readonly name: string;
  /** As `npm run test:suite` takes it. The suite ends with how many cases have passed and failed. */
  readonly key: string;
  /** The keys of `--without`: each leaves out a part of the suite, and all of them the whole suite. */
  readonly needs: readonly string[];
}

export const suites: readonly Suite[] = [
  { name: "Connect conformance and h2spec", key: "conformance", needs: ["go"] },
  { name: "HTTP/2 clients and proxies", key: "exercises", needs: ["go", "python", "java", "rust"] },
  { name: "gRPC interop", key: "interop", needs: ["go", "java"] },
  { name: "Web page", key: "web", needs: ["web"] },
];

export function isLeftOut({ needs }: Suite, left: ReadonlySet<string>): boolean {
  return needs.every((key) => left.has(key));
}

export type SuiteOutcome = { readonly suite: Suite } & ({ readonly passed: number } | { readonly failure: string });

/** Shows the output of the suite. The suite fails if one of its cases fails. */
export async function runSuite(suite: Suite, { left, layers }: Choices): Promise<SuiteOutcome> {
  const without = suite.needs.filter((key) => left.has(key));
  const args = ["--http2", layers.join(","), ...(without.length > 0 ? ["--without", without.join(",")] : [])];
  const command = { program: "npm", args: ["run", "--silent", "test:suite", "--", suite.key, ...args] };
  try {
    const output = await runCommand(command, {
      folder: root,
      timeoutMs,
      onOutput: (piece) => process.stdout.write(piece),
    });
    const [, passed] = summary.exec(output) ?? [];
    if (passed === undefined) throw new Error("it does not end with a line that says that no case failed");
    return { suite, passed: Number(passed) };
  } catch (error) {
    return { suite, failure: messageOf(error) };
  }
}
