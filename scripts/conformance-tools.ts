/**
 * Installs what tries the server from outside, in `.tools/conformance/`, unless it is there in this version, and generates the
 * stubs of the services that it calls, in `test/conformance/`. Takes `suite`, for the Connect conformance suite, or `interop`,
 * for gRPC's interop client. Needs `go` on PATH. Exits with status 1 where it cannot.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { type GoProgram, installGoProgram, runGo } from "./go-programs.ts";

const root = join(import.meta.dirname, "..");
const directory = join(root, ".tools", "conformance");

interface Tool extends GoProgram {
  /** Generates the stubs of the service that it calls. */
  readonly generate: (tool: Tool) => void;
}

const tools: Readonly<Record<string, Tool>> = {
  suite: {
    name: "connectconformance",
    module: "connectrpc.com/conformance",
    version: "v1.0.7",
    package: "connectrpc.com/conformance/cmd/connectconformance",
    /** From the .proto files that came with it. */
    generate(tool) {
      const downloaded = runGo(["mod", "download", "-json", `${tool.module}@${tool.version}`]);
      const { Dir: source }: { Dir: string } = JSON.parse(downloaded);
      const protos = ["service", "server_compat", "config"].map((name) => `connectrpc/conformance/v1/${name}.proto`);
      generate(join(source, "proto"), "test/conformance", protos);
    },
  },
  interop: {
    name: "client",
    module: "google.golang.org/grpc",
    version: "v1.84.0",
    package: "google.golang.org/grpc/interop/client",
    generate: () => generate("test/conformance/interop/proto", "test/conformance/interop", ["test.proto"]),
  },
};

try {
  const tool = tools[process.argv[2] ?? ""];
  if (tool === undefined) throw new Error(`expected one of ${Object.keys(tools).join(", ")}`);
  installGoProgram(tool, directory);
  tool.generate(tool);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

function generate(input: string, output: string, protos: readonly string[]): void {
  const paths = protos.flatMap((proto) => ["--path", join(input, proto)]);
  const template = ["--template", "buf.gen.conformance.yaml", "--output", output];
  const { status, error } = spawnSync(
    join(root, "node_modules", ".bin", "buf"),
    ["generate", input, ...template, ...paths],
    { cwd: root, stdio: ["ignore", "inherit", "inherit"] },
  );
  if (status !== 0) throw error ?? new Error(`buf generate: exit status ${status}`);
}
