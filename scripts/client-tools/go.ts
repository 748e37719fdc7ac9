/**
 * Installs the plugins that generate the Go stubs, in `.tools/go/`; those that are there in these versions stay. Needs `go` on
 * PATH. Exits with status 1 where it cannot.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const directory = join(import.meta.dirname, "..", "..", ".tools", "go");
const installTimeoutMs = 10 * 60_000;

interface Plugin {
  readonly name: string;
  readonly module: string;
  readonly version: string;
  readonly package: string;
}

const plugins: readonly Plugin[] = [
  {
    name: "protoc-gen-go",
    module: "google.golang.org/protobuf",
    version: "v1.36.12",
    package: "google.golang.org/protobuf/cmd/protoc-gen-go",
  },
  {
    name: "protoc-gen-go-grpc",
    module: "google.golang.org/grpc/cmd/protoc-gen-go-grpc",
    version: "v1.6.2",
    package: "google.golang.org/grpc/cmd/protoc-gen-go-grpc",
  },
  {
    name: "protoc-gen-connect-go",
    module: "connectrpc.com/connect",
    version: "v1.21.1",
    package: "connectrpc.com/connect/cmd/protoc-gen-connect-go",
  },
];

try {
  if (go("version").status !== 0) throw new Error("The stubs for Go need the program go, in its version 1.26 or newer");
  for (const plugin of plugins) {
    if (!isThere(plugin)) install(plugin);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

/** A program that Go has built tells which version of which module it is from. */
function isThere({ name, module, version }: Plugin): boolean {
  return go("version", "-m", join(directory, name)).output.includes(`\tmod\t${module}\t${version}\t`);
}

function install({ name, package: path, version }: Plugin): void {
  console.log(`${name} ${version}: installing with go`);
  const { status, output } = go("install", `${path}@${version}`);
  if (status !== 0) throw new Error(`go install ${path}@${version}:\n${output}`);
}

function go(...args: readonly string[]): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr, error } = spawnSync("go", args, {
    encoding: "utf8",
    env: { ...process.env, GOBIN: directory },
    timeout: installTimeoutMs,
  });
  return { status, output: error?.message ?? `${stdout}${stderr}` };
}
