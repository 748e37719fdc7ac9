/**
 * Installs the runner of the Connect conformance suite in `.tools/conformance/`, unless it is there in this version, and
 * generates the stubs of its service in `test/conformance/gen/`. Needs `go` on PATH. Exits with status 1 where it cannot.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const module = "connectrpc.com/conformance";
const version = "v1.0.7";
const installTimeoutMs = 20 * 60_000;
const root = join(import.meta.dirname, "..");
const directory = join(root, ".tools", "conformance");
const protos = ["service", "server_compat", "config"].map((name) => `connectrpc/conformance/v1/${name}.proto`);

try {
  if (go("version").status !== 0) {
    throw new Error("The conformance suite needs the program go, in its version 1.26 or newer, on PATH");
  }
  if (!isThere()) {
    console.log(`connectconformance ${version}: installing with go, which takes a few minutes`);
    succeed(go("install", `${module}/cmd/connectconformance@${version}`), "go install");
  }
  generate();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

/** A program that Go has built tells which version of which module it is from. */
function isThere(): boolean {
  const { output } = go("version", "-m", join(directory, "connectconformance"));
  return output.includes(`\tmod\t${module}\t${version}\t`);
}

/** From the .proto files that came with the runner. */
function generate(): void {
  const downloaded = succeed(go("mod", "download", "-json", `${module}@${version}`), "go mod download");
  const { Dir: source }: { Dir: string } = JSON.parse(downloaded);
  const input = join(source, "proto");
  const paths = protos.flatMap((proto) => ["--path", join(input, proto)]);
  const template = ["--template", join(root, "buf.gen.conformance.yaml")];
  succeed(run(join(root, "node_modules", ".bin", "buf"), "generate", input, ...template, ...paths), "buf generate");
}

interface Finished {
  readonly status: number | null;
  readonly output: string;
}

function go(...args: readonly string[]): Finished {
  return run("go", ...args);
}

function run(program: string, ...args: readonly string[]): Finished {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, GOBIN: directory },
    timeout: installTimeoutMs,
  });
  return { status, output: error?.message ?? (status === 0 ? stdout : `${stdout}${stderr}`) };
}

/** @throws Error with what was printed, unless all went well */
function succeed({ status, output }: Finished, what: string): string {
  if (status !== 0) throw new Error(`${what}:\n${output}`);
  return output;
}
