/**
 * Installs what tries the server from outside, in `.tools/conformance/`, unless it is there in this version, and generates the
 * stubs of the services that it calls, in `test/conformance/`. Takes `suite`, for the Connect conformance suite, or `interop`,
 * for gRPC's interop client. Needs `go` on PATH. Exits with status 1 where it cannot.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const installTimeoutMs = 20 * 60_000;
const root = join(import.meta.dirname, "..");
const directory = join(root, ".tools", "conformance");

interface Tool {
  readonly program: string;
  readonly module: string;
  readonly version: string;
  readonly package: string;
  /** Generates its stubs. */
  readonly generate: (tool: Tool) => void;
}

const tools: Readonly<Record<string, Tool>> = {
  suite: {
    program: "connectconformance",
    module: "connectrpc.com/conformance",
    version: "v1.0.7",
    package: "connectrpc.com/conformance/cmd/connectconformance",
    /** From the .proto files that came with it. */
    generate(tool) {
      const downloaded = succeed(go("mod", "download", "-json", `${tool.module}@${tool.version}`), "go mod download");
      const { Dir: source }: { Dir: string } = JSON.parse(downloaded);
      const protos = ["service", "server_compat", "config"].map((name) => `connectrpc/conformance/v1/${name}.proto`);
      generate(join(source, "proto"), "test/conformance", protos);
    },
  },
  interop: {
    program: "client",
    module: "google.golang.org/grpc",
    version: "v1.84.0",
    package: "google.golang.org/grpc/interop/client",
    generate: () => generate("test/conformance/interop/proto", "test/conformance/interop", ["test.proto"]),
  },
};

try {
  const tool = tools[process.argv[2] ?? ""];
  if (tool === undefined) throw new Error(`expected one of ${Object.keys(tools).join(", ")}`);
  if (go("version").status !== 0) {
    throw new Error("The conformance tests need the program go, in its version 1.26 or newer, on PATH");
  }
  if (!isThere(tool)) {
    console.log(`${tool.package} ${tool.version}: installing with go, which takes a few minutes`);
    succeed(go("install", `${tool.package}@${tool.version}`), "go install");
  }
  tool.generate(tool);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

/** A program that Go has built tells which version of which module it is from. */
function isThere({ program, module, version }: Tool): boolean {
  return go("version", "-m", join(directory, program)).output.includes(`\tmod\t${module}\t${version}\t`);
}

function generate(input: string, output: string, protos: readonly string[]): void {
  const paths = protos.flatMap((proto) => ["--path", join(input, proto)]);
  const template = ["--template", "buf.gen.conformance.yaml", "--output", output];
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
